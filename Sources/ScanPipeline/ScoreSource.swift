/// Which network the scores of a section of a shard file are of.
struct ScoreSource: Hashable, Sendable {
  /// Of an ensemble's models, counted from 0.
  var model = 0
  /// The other channel, under ``StrandModel/swap``.
  var isPartner = false

  /// Section of a shard file that holds a method's scores of a target.
  func section(_ method: Method, target: Int) -> String { named("\(method.rawValue)/\(target)") }

  /// Section of exact changes of a site's own probability.
  var newSites: String { named("ism/new-site") }

  /// Share of a base's alternates that a hybrid scan computed exactly: the same for every model.
  var exactShare: String { ScoreSource(isPartner: isPartner).named("tism/exact") }

  /// A model's own section where each has one of that name.
  func named(_ name: String) -> String {
    name + (isPartner ? "/partner" : "") + (model > 0 ? "/model\(model + 1)" : "")
  }
}
