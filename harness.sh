#!/bin/sh
# Starts the harness; builds it first when a source file is newer than the program.
set -e
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
program=$root/harness/bin/Release/net10.0/harness
stamp=$program.dll
newer() {
  find "$root/harness" "$root/nodes" "$root/workloads" "$root/chaos" "$root/results" "$root/reports" \
    \( -name bin -o -name obj -o -path "$root/results/runs" \) -prune -o \
    -type f \( -name '*.cs' -o -name '*.csproj' -o -name '*.proto' -o -name 'workload?' \) -newer "$stamp" -print |
    head -n 1
  find "$root" -maxdepth 1 \( -name 'Directory.*' -o -name global.json \) -newer "$stamp" -print
}
if [ ! -x "$program" ] || [ ! -f "$stamp" ] || [ -n "$(newer)" ]; then
  echo "building the harness ..." >&2
  dotnet build "$root/harness" -c Release -v q --nologo >&2
  touch "$stamp"
fi
exec "$program" "$@"
