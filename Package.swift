// swift-tools-version: 6.2
import PackageDescription

// Upcoming features that keep the arrows of docs/architecture.md true: an import is internal unless it says `public`,
// a member is visible only where its module is imported, and a type-erased value says `any`.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")

/// A Swift module of this package; every one is compiled with the same strict settings.
func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

/// The tests of one module (or of the command line), with the shared `TestSupport`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], path: "Tests/\(name)", swiftSettings: strict)
}

let package = Package(
  name: "tismscan",
  products: [
    .executable(name: "tismscan", targets: ["tismscan"]),
    // What `Benchmarks/`, a package of its own, measures.
    .library(
      name: "TismscanEngine",
      targets: ["Attribution", "Engine", "ONNXImport", "NetworkGraph", "Kernels", "Tensors", "Genomics"]),
    .library(name: "TismscanTracks", targets: ["TrackIO", "Genomics"]),
  ],
  dependencies: [
    // The command line: options, help texts, usage errors.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    // Progress and diagnostics; only ScanPipeline and the command line log.
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    // Reads ONNX files; only ONNXImport knows it.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // System libraries: a module map and a shim header each, nothing else.
    .systemLibrary(name: "CHTSlib", pkgConfig: "htslib", providers: [.apt(["libhts-dev"])]),
    // Only the tests read by libBigWig.
    .systemLibrary(name: "CBigWig", providers: [.apt(["libbigwig-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
    // The allocator's settings, which Swift's Glibc leaves out.
    .systemLibrary(name: "CMalloc"),
    // The inner loops: `*.inc` holds the code, compiled once per instruction set; `fmaf` of the portable build is in libm.
    .target(name: "CKernels", exclude: [], linkerSettings: [.linkedLibrary("m")]),

    module("Genomics"),
    module("Tensors"),
    module("HTS", ["CHTSlib", "Genomics"]),
    module("GenomeIO", ["HTS", "Genomics"]),
    module("TrackIO", ["HTS", "Genomics", "CZlib", "CDeflate"]),
    module("Kernels", ["CKernels", "Tensors"]),
    module("NetworkGraph", ["Tensors"]),
    module("Operators", ["NetworkGraph", "Kernels", "Tensors"]),
    module(
      "ONNXImport", ["Operators", "NetworkGraph", "Kernels", "Tensors", protobuf], exclude: ["Generated/onnx.proto"]),
    module("Engine", ["Operators", "NetworkGraph", "Kernels", "Tensors"]),
    module("Attribution", ["Engine", "ONNXImport", "NetworkGraph", "Tensors", "Genomics"]),
    module("Annotation", ["Genomics", "GenomeIO"]),
    module("ScanPipeline", ["Tensors", "NetworkGraph", "Engine", "Attribution", "Annotation", "TrackIO", "GenomeIO", "Genomics", "ONNXImport", logging]),
    .executableTarget(
      name: "tismscan",
      dependencies: [
        "ScanPipeline", "Attribution", "Engine", "ONNXImport", "NetworkGraph", "TrackIO", "GenomeIO", "Genomics",
        "Annotation", "Kernels", "Tensors", "CMalloc", argumentParser, logging,
      ],
      swiftSettings: strict),

    // Fixtures, seeded random numbers and npz reading for the tests.
    .target(name: "TestSupport", dependencies: ["NetworkGraph", "Tensors", "Genomics"], path: "Tests/TestSupport", swiftSettings: strict),
    tests("GenomicsTests", ["Genomics"]),
    tests("GenomeIOTests", ["GenomeIO", "Genomics"]),
    tests("TrackIOTests", ["TrackIO", "Genomics", "HTS", "CBigWig"]),
    tests("KernelsTests", ["Kernels", "Operators"]),
    tests("OperatorsTests", ["Operators", "NetworkGraph", "Kernels", "Tensors"]),
    tests(
      "ONNXImportTests", ["ONNXImport", "Engine", "Operators", "NetworkGraph", "TrackIO", "Tensors", protobuf]),
    tests("AttributionTests", ["Attribution", "ONNXImport", "TrackIO", "Engine", "Operators", "NetworkGraph", "Kernels", "Tensors", "Genomics"]),
    tests(
      "ScanPipelineTests",
      [
        "ScanPipeline", "Attribution", "Annotation", "TrackIO", "GenomeIO", "HTS", "Genomics", "NetworkGraph", "Operators",
        "Kernels", "Tensors",
      ]),
    tests("AnnotationTests", ["Annotation", "Genomics"]),
    tests("CommandLineTests", ["TrackIO"]),
    tests("EngineTests", ["Engine", "Operators", "NetworkGraph", "Kernels", "Tensors"]),
  ],
  // Data-race safety is checked by the compiler in every module.
  swiftLanguageModes: [.v6]
)
