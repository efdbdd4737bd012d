// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that building or testing tismscan never builds the benchmarks.
let package = Package(
  name: "tismscan-benchmarks",
  dependencies: [
    .package(name: "tismscan", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .target(name: "CPeak"),
    .executableTarget(
      name: "tismscan-bench",
      dependencies: [
        "CPeak",
        .product(name: "TismscanEngine", package: "tismscan"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ]),
    .executableTarget(
      name: "track-bench", dependencies: [.product(name: "TismscanTracks", package: "tismscan")]),
  ],
  swiftLanguageModes: [.v6]
)
