/// A model as typed nodes: values with concrete shapes, operators, and what every operator must answer.
///
/// A ``Graph`` always has concrete shapes: an importer makes one for a given batch and sequence length, with everything
/// that depends on constants and shapes alone already folded by ``GraphBuilder``. Rewriting passes (`simplified()`) give
/// an equal graph that runs faster. What an operator must answer is in ``Operator`` (plain meaning) and
/// ``NetworkOperator`` (running inside a network).
public enum NetworkGraph {}
