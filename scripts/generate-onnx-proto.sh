#!/usr/bin/env bash
# Makes Sources/ONNXImport/Generated/onnx.pb.swift from the onnx.proto beside it.
#
# onnx.proto is the file of that name in the PyPI package `onnx` (version below, Apache-2.0). To take another version:
#   pip download --no-deps onnx==VERSION && unzip -j onnx-*.whl onnx/onnx.proto -d Sources/ONNXImport/Generated
# Needs protoc (Debian: protobuf-compiler); protoc-gen-swift is built from the package's own swift-protobuf checkout, so
# that the generated code fits the library it is linked with.
set -euo pipefail
cd "$(dirname "$0")/.."

onnx_version=1.23.2
generated=Sources/ONNXImport/Generated

command -v protoc > /dev/null || { echo "protoc is missing: apt-get install protobuf-compiler" >&2; exit 1; }
swift build --product protoc-gen-swift
plugin="$(swift build --show-bin-path)/protoc-gen-swift"

protoc --plugin=protoc-gen-swift="$plugin" --proto_path="$generated" --swift_opt=Visibility=Internal \
  --swift_opt=UseAccessLevelOnImports=true --swift_out="$generated" onnx.proto

# The formatter leaves the file alone, and its head says where it came from.
{
  echo "// swift-format-ignore-file"
  echo "// Made by scripts/generate-onnx-proto.sh from onnx.proto of onnx $onnx_version (Apache-2.0); do not edit."
  cat "$generated/onnx.pb.swift"
} > "$generated/onnx.pb.swift.new"
mv "$generated/onnx.pb.swift.new" "$generated/onnx.pb.swift"
