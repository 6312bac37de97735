#!/bin/sh
# A stand-in for NVIDIA's tool: shows the load that the sandbox's control API has set.
# The state file holds one line: number of GPUs, load in percent, MB in use, MB of one GPU, name.
state=$(dirname "$0")/../gpu
query=
units=1
header=1
list=
for arg in "$@"; do
  case $arg in
    --query-gpu=*) query=${arg#*=} ;;
    --query-compute-apps=* | --query-accounted-apps=*) exit 0 ;;
    --format=*)
      case $arg in *nounits*) units= ;; esac
      case $arg in *noheader*) header= ;; esac
      ;;
    -L | --list-gpus) list=1 ;;
    -h | --help) echo "NVIDIA System Management Interface (a stand-in of Bellhop's sandbox)"; exit 0 ;;
    *) echo "Invalid combination of input arguments: $arg is not known to this stand-in." >&2; exit 1 ;;
  esac
done

awk -v query="$query" -v units="$units" -v header="$header" -v list="$list" '
function cell(column, index_) {
  if (column == "index") return index_
  if (column == "name" || column == "gpu_name") return name
  if (column == "count") return gpus
  if (column == "uuid" || column == "gpu_uuid") return sprintf("GPU-5a4d0000-0000-4000-8000-%012d", index_)
  if (column == "utilization.gpu") return unit(load, "%")
  if (column == "utilization.memory") return unit(int(load / 2), "%")
  if (column == "memory.used") return unit(used, "MiB")
  if (column == "memory.free") return unit(total - used, "MiB")
  if (column == "memory.total") return unit(total, "MiB")
  if (column == "temperature.gpu") return int(32 + load * 0.45)
  if (column == "power.draw") return unit(sprintf("%.2f", 22 + load * 2.1), "W")
  if (column == "power.limit") return unit("230.00", "W")
  if (column == "driver_version") return "570.86.10"
  if (column == "pstate") return load > 0 ? "P2" : "P8"
  return ""
}
function unit(value, name_) { return units ? value " " name_ : value }
function title(column) {
  if (column ~ /^utilization/) return column " [%]"
  if (column ~ /^memory/) return column " [MiB]"
  if (column ~ /^power/) return column " [W]"
  return column
}
{
  gpus = $1; load = $2; used = $3; total = $4
  name = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ /, "", name)
}
END {
  if (list) {
    for (i = 0; i < gpus; i++) printf "GPU %d: %s (UUID: %s)\n", i, name, cell("uuid", i)
    exit 0
  }
  if (query != "") {
    n = split(query, columns, ",")
    for (c = 1; c <= n; c++) {
      gsub(/^ +| +$/, "", columns[c])
      if (cell(columns[c], 0) == "") {
        printf "Field \"%s\" is not a valid field to query.\n\n", columns[c]
        exit 2
      }
    }
    if (header) {
      line = title(columns[1])
      for (c = 2; c <= n; c++) line = line ", " title(columns[c])
      print line
    }
    for (i = 0; i < gpus; i++) {
      line = cell(columns[1], i)
      for (c = 2; c <= n; c++) line = line ", " cell(columns[c], i)
      print line
    }
    exit 0
  }
  rule = "+-----------------------------------------------------------------------------+"
  print rule
  printf "| NVIDIA-SMI 570.86.10 (stand-in)   Driver Version: 570.86.10   CUDA: 12.8    |\n"
  print rule
  printf "| %-3s  %-33s  %5s  %18s  %8s |\n", "GPU", "Name", "Temp", "Memory-Usage", "GPU-Util"
  print rule
  for (i = 0; i < gpus; i++)
    printf "| %-3d  %-33s  %4dC  %6d / %5d MiB  %7d%% |\n", i, name, cell("temperature.gpu", i), used, total, load
  print rule
  print "| Processes: none are shown inside a container.                               |"
  print rule
}' "$state"
