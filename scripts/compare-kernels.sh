#!/usr/bin/env bash
# Runs every kernel on the same seeded cases for this processor and, from x86-64, for arm64 under qemu-user, and fails when
# any instruction set gives other bits than the rest, naming kernel and case.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The compiler that builds the package: Swift's own.
clang=${CLANG:-$(dirname "$(readlink -f "$(command -v swift)")")/clang}
sources=(Sources/CKernels/*.c Tests/kernels/*.c)
flags=(-std=gnu11 -O2 -Wall -Wextra -Werror -ISources/CKernels/include)

"$clang" "${flags[@]}" "${sources[@]}" -lm -o "$folder/native"
"$folder/native" >"$folder/digests"
if [ "$(uname -m)" = x86_64 ]; then
  # Debian's cross packages: libc6-dev-arm64-cross, libgcc-12-dev-arm64-cross, qemu-user-static.
  "$clang" -target aarch64-linux-gnu --sysroot=/usr/aarch64-linux-gnu --gcc-toolchain=/usr -fuse-ld=lld -static \
    "${flags[@]}" "${sources[@]}" -lm -o "$folder/arm64"
  qemu-aarch64-static "$folder/arm64" >>"$folder/digests"
fi

# Lines are: architecture, table, kernel, case, digest. The first table is the one that the others are compared with.
awk -F '\t' '
  {
    table = $1 " " $2; cell = $3 "\t" $4
    if (!(table in seen)) { seen[table] = 0; tables[++count] = table }
    if ((table, cell) in digest) { print "kernels: " $3 ", case \047" $4 "\047 has come twice"; failed++ }
    digest[table, cell] = $5; seen[table]++
    if (!(cell in first)) first[cell] = table
    other = first[cell]
    if (digest[other, cell] != $5) {
      failed++
      if (failed <= 20) printf "kernels: %s, case \047%s\047: %s gives %s, %s gives %s\n", $3, $4, table, $5, other, digest[other, cell]
    }
  }
  END {
    for (i = 1; i <= count; i++) {
      names = names (i > 1 ? ", " : "") tables[i]
      if (seen[tables[i]] != seen[tables[1]]) { print "kernels: " tables[i] " ran other cases than " tables[1]; failed++ }
    }
    if (failed > 20) print "kernels: and " failed - 20 " more"
    if (failed || !count) exit 1
    print "kernels: the same bits in " seen[tables[1]] " cases on " names
  }' "$folder/digests"
