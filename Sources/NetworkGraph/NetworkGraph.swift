/// A model as typed nodes: values, operators, and what every operator must answer.
public enum NetworkGraph {}
