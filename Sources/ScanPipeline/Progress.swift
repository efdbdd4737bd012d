import Foundation

/// Tells how far a run is: one line that is rewritten on a terminal, plain lines every few seconds elsewhere. Used from one
/// task.
public final class Progress {
  private let isTerminal: Bool
  private let isQuiet: Bool
  private let write: (String) -> Void
  private let interval: Double
  private var last = -Double.infinity
  private var start = ProcessInfo.processInfo.systemUptime
  private var lineIsOpen = false
  private var resumed = 0

  /// - Parameter write: takes text for standard error.
  public init(isTerminal: Bool, isQuiet: Bool = false, write: @escaping (String) -> Void) {
    self.isTerminal = isTerminal
    self.isQuiet = isQuiet
    self.write = write
    interval = isTerminal ? 0.2 : 5
  }

  /// A message of its own line.
  public func say(_ text: String) {
    guard !isQuiet else { return }
    closeLine()
    write(text + "\n")
  }

  /// Starts counting; `resumed` bases were there before.
  func begin(resumed: Int) {
    start = ProcessInfo.processInfo.systemUptime
    self.resumed = resumed
  }

  /// Bases scored so far, with rate and time left.
  func scanned(_ done: Int, of total: Int) {
    guard due(done == total) else { return }
    let seconds = max(1e-3, ProcessInfo.processInfo.systemUptime - start)
    let rate = Double(done - resumed) / seconds
    let left = rate > 0 ? Self.duration(Double(total - done) / rate) : "?"
    let percent = total > 0 ? fixed(100 * Double(done) / Double(total), digits: 1) : "100"
    show("scanned \(done) of \(total) strand bases (\(percent) %), \(Int(rate)) a second, \(left) left")
  }

  /// Steps of another stage.
  func note(_ stage: String, done: Int, of total: Int) {
    guard due(done == total && isTerminal) else { return }
    show("\(stage): \(done) of \(total)")
  }

  func closeLine() {
    if lineIsOpen { write("\n") }
    lineIsOpen = false
  }

  private func due(_ isLast: Bool) -> Bool {
    let now = ProcessInfo.processInfo.systemUptime
    guard !isQuiet, isLast || now - last >= interval else { return false }
    last = now
    return true
  }

  private func show(_ text: String) {
    write(isTerminal ? "\r\u{1B}[K\(text)" : text + "\n")
    lineIsOpen = isTerminal
  }

  static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    return whole >= 3600
      ? "\(whole / 3600) h \(whole / 60 % 60) min" : whole >= 60 ? "\(whole / 60) min \(whole % 60) s" : "\(whole) s"
  }
}

/// A number with a fixed count of decimals, the same in every locale.
func fixed(_ value: Double, digits: Int) -> String { String(format: "%.\(digits)f", value) }
