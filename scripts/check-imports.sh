#!/usr/bin/env bash
# Fails when a module imports what the picture in docs/architecture.md does not allow: arrows point down only, and each
# foreign library has one doorkeeper.
set -euo pipefail
cd "$(dirname "$0")/.."

# module: what it may import besides the standard library
allowed='
Genomics:
Tensors: Glibc Synchronization
HTS: CHTSlib Genomics Glibc
GenomeIO: HTS Genomics Glibc
TrackIO: HTS Genomics CZlib CDeflate Dispatch Synchronization Glibc
Kernels: CKernels Tensors Glibc
NetworkGraph: Tensors
Operators: NetworkGraph Kernels Tensors Glibc Synchronization
ONNXImport: FoundationEssentials Operators NetworkGraph Kernels Tensors SwiftProtobuf Foundation Glibc
Engine: Operators NetworkGraph Kernels Tensors Glibc
Attribution: Engine ONNXImport Operators NetworkGraph Tensors Genomics Glibc Synchronization
Annotation: Genomics GenomeIO
ScanPipeline: Attribution Annotation Engine ONNXImport NetworkGraph TrackIO GenomeIO Genomics Tensors Logging Foundation Glibc Synchronization
tismscan: CMalloc ScanPipeline Attribution Annotation Engine ONNXImport NetworkGraph TrackIO GenomeIO Genomics Kernels Tensors ArgumentParser Logging Foundation Glibc Dispatch Synchronization
'

status=0
for folder in Sources/*/; do
  module=$(basename "$folder")
  case "$module" in CHTSlib | CBigWig | CZlib | CDeflate | CMalloc | CKernels) continue ;; esac
  rule=$(grep "^$module:" <<<"$allowed" || true)
  if [ -z "$rule" ]; then
    echo "check-imports: module $module is not in the table; add it with what it may import" >&2
    status=1
    continue
  fi
  while IFS=: read -r file line imported; do
    if ! grep -qw "$imported" <<<"${rule#*:}"; then
      echo "$file:$line: $module must not import $imported (docs/architecture.md)" >&2
      status=1
    fi
  done < <(grep -rnE '^[[:space:]]*((public|package|internal|fileprivate|private)[[:space:]]+|@[A-Za-z_]+(\([^)]*\))?[[:space:]]+)*import[[:space:]]' \
    --include='*.swift' "$folder" |
    sed -E 's/^([^:]+):([0-9]+):.*import[[:space:]]+((struct|enum|class|func|protocol|var|let|typealias)[[:space:]]+)?([A-Za-z_]+).*/\1:\2:\5/')
done

# Nothing below ScanPipeline prints, logs, reads the environment or knows how many threads there are.
# One exception: Kernels reads the forced instruction set, once.
for module in Genomics Tensors HTS GenomeIO TrackIO Kernels NetworkGraph Operators ONNXImport Engine Attribution Annotation; do
  [ -d "Sources/$module" ] || continue
  found=$(grep -rnE '(^|[^.A-Za-z_])(print|debugPrint|getenv|sched_getaffinity)\(|ProcessInfo|activeProcessorCount|FileHandle\.standard' \
    --include='*.swift' "Sources/$module" | grep -v 'Sources/Kernels/Kernels.swift' | grep -v '\.pb\.swift' | grep -vE ':[0-9]+:[[:space:]]*//' || true)
  if [ -n "$found" ]; then
    echo "$found" >&2
    echo "check-imports: $module must not print, log, read the environment or count threads" >&2
    status=1
  fi
done
[ $status -eq 0 ] && echo "check-imports: every import points down"
exit $status
