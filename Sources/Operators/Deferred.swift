internal import Synchronization

/// Something that is made when it is first wanted, and then shared: weights packed for gradients, which predictions and
/// exact ISM never read.
final class Deferred<Value: Sendable>: Sendable {
  private enum State {
    case wanting(@Sendable () -> Value)
    case made(Value)
  }
  private let state: Mutex<State>

  init(_ make: @escaping @Sendable () -> Value) { state = Mutex(.wanting(make)) }

  var value: Value {
    state.withLock { state in
      switch state {
      case .made(let value): return value
      case .wanting(let make):
        let value = make()
        state = .made(value)
        return value
      }
    }
  }
}
