# Runs on the machine once a minute, by `sh -s`: one round trip, coreutils, grep and awk; only reads.
# Set before this text: FILES (1: also look for new files). Answers in lines that begin with
# "bellhop-"; a part that cannot be told is left out, and "bellhop-end" says that nothing was cut.

LC_ALL=C
export LC_ALL

say() { printf 'bellhop-%s\n' "$*"; }

limited() { # seconds, command…: a broken driver or a huge disk must not hold up the rest
  if command -v timeout >/dev/null 2>&1; then timeout -s KILL "$@"; else shift && "$@"; fi
}

say now "$(date +%s)"
say self "$$" "$(getconf CLK_TCK 2>/dev/null || echo 100)"
say jupyter "$(cat "$HOME/.bellhop/jupyter.pid" 2>/dev/null)"

# --- Which processes ---

cd /proc || exit 0
mark=$BELLHOP_SANDBOX_MACHINE
if [ -n "$mark" ]; then
  # The sandbox's machines share their host: theirs are told by a variable in their environment.
  pids=$(grep -lzF "BELLHOP_SANDBOX_MACHINE=$mark" [0-9]*/environ 2>/dev/null | cut -d/ -f1)
else
  pids=$(echo [0-9]*)
fi
of_all() { for pid in $pids; do printf '%s/%s ' "$pid" "$1"; done; }

# pid, parent, session, terminal, own ticks, ended children's ticks, start, name (which may hold
# anything: it ends at the last parenthesis)
cat $(of_all stat) 2>/dev/null | awk '{
  rest = $0
  sub(/^.*\) /, "", rest)
  opens = index($0, "(")
  name = substr($0, opens + 1, length($0) - length(rest) - opens - 2)
  split(rest, f, " ")
  if (f[1] != "Z") printf "bellhop-process %d %d %d %d %.0f %.0f %.0f %s\n", \
    substr($0, 1, opens - 2), f[2], f[4], f[5], f[12] + f[13], f[14] + f[15], f[20], name
}'
grep -H '^write_bytes' $(of_all io) 2>/dev/null | awk -F'[/ ]' '{ print "bellhop-written", $1, $NF }'
# What libraries leave running beside a kernel, and the servers of editors
grep -lE 'multiprocessing.*(resource_tracker|forkserver)|loky.*resource_tracker|compile_worker' \
  $(of_all cmdline) 2>/dev/null | awk -F/ '{ print "bellhop-aside", $1 }'
ls -l $(of_all exe) 2>/dev/null |
  awk '/(vscode|cursor|windsurf)-server/ { sub(/\/exe -> .*/, ""); print "bellhop-editor", $NF }'

# --- Counters of the container ---

if [ -z "$mark" ]; then
  for file in /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpuacct/cpuacct.usage; do
    [ -r "$file" ] || continue
    case $file in
      *cpu.stat) awk '/^usage_usec/ { print "bellhop-cpu", $2 }' "$file" ;;
      *) awk '{ printf "bellhop-cpu %.0f\n", $1 / 1000 }' "$file" ;;
    esac
    break
  done
  # Long names of interfaces stand without a space before them.
  awk -F'[: ]+' '{ sub(/^ +/, "") } NR > 2 && $1 != "lo" { down += $2; up += $10 }
    END { if (NR > 2) printf "bellhop-net %.0f %.0f\n", down, up }' /proc/net/dev 2>/dev/null
fi

# --- GPUs, terminals, files ---

limited 10 nvidia-smi --query-gpu=index,utilization.gpu,memory.used \
  --format=csv,noheader,nounits 2>/dev/null | sed 's/^/bellhop-gpu /'
stat -c 'bellhop-terminal %n %X' /dev/pts/[0-9]* 2>/dev/null
if [ -n "$FILES" ]; then
  for place in "${WORKSPACE:-/workspace}" /workspace; do
    cd "$place" 2>/dev/null || continue
    # One from the future would stay the newest for as long as it is there.
    newest=$(limited 5 find . -xdev -maxdepth 4 \( -name .git -o -name .ipynb_checkpoints \) -prune \
      -o -type f -mmin -30 ! -newermt "@$(($(date +%s) + 60))" -printf '%T@\n' 2>/dev/null |
      sort -n | tail -n 1)
    say changed "$newest"
    break
  done
fi
say end
