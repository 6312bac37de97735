# Runs on the machine, by `sh -s`. Finds our Jupyter, or starts it; never a second one.
# Set before this text: COURSE, PACKAGES (may be empty), START_S. Answers in lines that begin with
# "bellhop-": "server" and what Jupyter says of itself as JSON (with "started" before it where it had
# to be), or "fault" and why, then "tail"s.

base=$HOME/.bellhop
umask 077
mkdir -p "$base/run"
chmod 700 "$base"
PATH="$PATH:/venv/main/bin:/opt/conda/bin:/opt/instance-tools/bin:$base/venv/bin"
export PATH
token=
pid=

say() { printf 'bellhop-%s %s\n' "$1" "$2"; }

fail() { # why, log
  say fault "$1"
  [ -s "$2" ] && tail -n 15 "$2" | sed "s/${token:-no token yet}/***/g; s/^/bellhop-tail /"
  exit 0
}

# --- One at a time ---

lock() {
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$base/lock"
    flock 9
    return
  fi
  until mkdir "$base/lock.d" 2>/dev/null; do
    holder=$(cat "$base/lock.d/pid" 2>/dev/null)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then rm -rf "$base/lock.d"; else sleep 1; fi
  done
  echo $$ >"$base/lock.d/pid"
  trap 'rm -rf "$base/lock.d"' EXIT
}

# --- What runs ---

runs() { # pid, what its command line holds: a number may be given to another process later
  [ -n "$1" ] && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$2"
}

field() { sed -n "s/^.*\"$2\": *\"\{0,1\}\([^\",}]*\).*$/\1/p" "$1" | head -n 1; }

listens() { # sets $info
  info=
  for file in "$base/run/jpserver-$pid.json" "$base/run/nbserver-$pid.json"; do
    [ -s "$file" ] && info=$file
  done
  [ -n "$info" ] || return 1
  socket=$(field "$info" sock)
  if [ -n "$socket" ]; then
    [ -S "$socket" ] && { [ ! -r /proc/net/unix ] || grep -qF " $socket" /proc/net/unix; }
  else
    port=$(printf ':%04X 0*:0000 0A' "$(field "$info" port)")
    [ ! -r /proc/net/tcp ] || grep -q "$port" /proc/net/tcp
  fi
}

wait_for_it() {
  rounds=$((START_S * 10))
  until listens; do
    runs "$pid" "$base/jupyter_config.py" || return 1
    [ "$rounds" -gt 0 ] || return 1
    rounds=$((rounds - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
}

found() {
  pid=$(cat "$base/jupyter.pid" 2>/dev/null)
  runs "$pid" "$base/jupyter_config.py" || return 1
  wait_for_it && return 0
  kill "$pid" 2>/dev/null # it runs and listens to nobody
  sleep 2
  kill -9 "$pid" 2>/dev/null
  return 1
}

# --- Starting ---

choose() { # sets $program and, where it is the general one, $part
  part=
  program=$(command -v jupyter-lab) && return 0
  if program=$(command -v jupyter) && jupyter lab --version >/dev/null 2>&1; then
    part=lab
    return 0
  fi
  program=$(command -v jupyter-notebook)
}

install() {
  python=$(command -v python3) || fail "The image has neither Jupyter nor Python."
  rm -rf "$base/venv"
  # What the image has, PyTorch above all, is to be importable in the notebooks.
  if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --system-site-packages --python "$python" "$base/venv" &&
      uv pip install --quiet --python "$base/venv/bin/python" jupyterlab ipykernel
  else
    "$python" -m venv --system-site-packages "$base/venv" &&
      "$base/venv/bin/python" -m pip install --quiet jupyterlab ipykernel
  fi >"$base/install.log" 2>&1
}

configure() {
  token=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
  printf %s "$token" >"$base/token"
  cat >"$base/jupyter_config.py" <<'PY'
import os
import socket
import sys

c = get_config()
base = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(base, "token")) as file:
    token = file.read()

major = 0  # notebook 6 knows neither ServerApp nor our Unix socket
if "notebook.notebookapp" not in sys.modules:
    import jupyter_server

    major = int(jupyter_server.__version__.split(".")[0])
app = c.ServerApp if major else c.NotebookApp

path = os.path.join(base, "jupyter.sock")
if major >= 2 and len(os.fsencode(path)) < 100:
    app.sock = path
else:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        app.port = probe.getsockname()[1]
    app.ip = "127.0.0.1"

if major >= 2:
    c.IdentityProvider.token = token
else:
    app.token = token
    app.password = ""
if major:
    app.root_dir = os.getcwd()
else:
    app.notebook_dir = os.getcwd()
app.allow_root = True
app.allow_remote_access = True  # people come under the relay's name, which checks who they are
app.open_browser = False
app.quit_button = False
app.disable_check_xsrf = False
PY
}

settle() { # a default for JupyterLab, unless the person has one already
  file=$HOME/.jupyter/lab/user-settings/@jupyterlab/$1.jupyterlab-settings
  [ -e "$file" ] || { mkdir -p "$(dirname "$file")" && printf '%s\n' "$2" >"$file"; }
}

start() {
  cd "${WORKSPACE:-/workspace}" 2>/dev/null || cd /workspace 2>/dev/null || cd "$HOME" ||
    fail "The workspace cannot be entered."
  configure
  settle docmanager-extension/plugin '{"autosaveInterval": 20}'
  settle apputils-extension/notification '{"fetchNews": "false", "checkForUpdates": false}'
  rm -f "$base"/run/*server-*.json "$base/jupyter.sock" "$base/jupyter.pid"
  unset JUPYTER_TOKEN JUPYTER_CONFIG_DIR
  detached=$(command -v setsid || command -v nohup)
  (
    umask 022
    JUPYTER_RUNTIME_DIR=$base/run exec $detached sh -c 'echo $$ >"$0"; exec "$@"' \
      "$base/jupyter.pid" "$program" ${part:+"$part"} --config="$base/jupyter_config.py"
  ) </dev/null >"$base/jupyter.log" 2>&1 9>&- &
  rounds=100
  until [ -s "$base/jupyter.pid" ] || [ "$rounds" = 0 ]; do
    rounds=$((rounds - 1))
    sleep 0.02 2>/dev/null || sleep 1
  done
  pid=$(cat "$base/jupyter.pid")
  wait_for_it || fail "Jupyter does not start." "$base/jupyter.log"
  cp "$info" "$base/jupyter.json"
}

# --- The course and its packages, which nobody waits for ---

set_up() {
  [ -n "$COURSE$PACKAGES" ] || return 0
  [ "$(cat "$base/setup.done" 2>/dev/null)" = "$COURSE $PACKAGES" ] && return 0
  runs "$(cat "$base/setup.pid" 2>/dev/null)" "$base/setup.sh" && return 0
  cat >"$base/setup.sh" <<'SH'
base=$HOME/.bellhop
name=$(basename "$COURSE" .git)
fetched=yes
# Beside the notebooks, where whoever misses something looks first.
told=$WORK/bellhop-setup-failed.txt
rm -f "$told"
tell() { printf '%s In a terminal, try:\n\n    %s\n\n' "$1" "$2" | tee -a "$told"; }
if [ -n "$COURSE" ] && [ ! -e "$WORK/$name" ]; then
  rm -rf "$WORK/.$name.part"
  GIT_TERMINAL_PROMPT=0 git clone --depth 1 -- "$COURSE" "$WORK/.$name.part" &&
    mv "$WORK/.$name.part" "$WORK/$name" || {
      fetched=
      tell "The course could not be fetched." "git clone $COURSE"
    }
fi
if [ -n "$PACKAGES" ]; then
  set -f
  export PIP_BREAK_SYSTEM_PACKAGES=1 UV_BREAK_SYSTEM_PACKAGES=1
  if command -v uv >/dev/null 2>&1; then
    uv pip install --python "$PYTHON" -- $PACKAGES
  else
    "$PYTHON" -m pip install -- $PACKAGES
  fi || tell "The packages $PACKAGES could not be installed." "$PYTHON -m pip install $PACKAGES"
fi
[ -n "$fetched" ] && printf '%s\n' "$COURSE $PACKAGES" >"$base/setup.done"
SH
  work=$(field "$info" root_dir)
  [ -n "$work" ] || work=$(field "$info" notebook_dir)
  python=/venv/main/bin/python # where Vast's images have PyTorch, and their kernel
  [ -x "$python" ] || { choose && python=$(dirname "$program")/python3; }
  [ -x "$python" ] || python=python3
  (
    umask 022
    exec env COURSE="$COURSE" PACKAGES="$PACKAGES" WORK="$work" PYTHON="$python" \
      $(command -v setsid || command -v nohup) sh "$base/setup.sh"
  ) </dev/null >>"$base/setup.log" 2>&1 9>&- &
  echo $! >"$base/setup.pid"
  rounds=20 # until it has its name: whoever comes next must know it by that
  until runs $! "$base/setup.sh" || [ "$rounds" = 0 ]; do
    rounds=$((rounds - 1))
    sleep 0.02 2>/dev/null || rounds=0
  done
}

lock
if ! found; then
  choose || { install && choose; } || fail "Jupyter could not be installed." "$base/install.log"
  start
  say started anew
fi
say server "$(tr -d '\n' <"$info")"
set_up
