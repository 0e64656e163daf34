#!/bin/bash
# rbgpu against the programs that people use today, on this machine, in turn: before
# every run of a peer stands one of rbgpu, so that whatever else the machine does
# meets both. Prints the ratios; absolute times are worth little on a shared machine.
#
#   benches/peers.sh [RESULTS.jsonl]        every line that was measured is kept there
#
# What is set in the environment, with its default:
#   PEERS_DIR     ../shared/peers           the peers' programs: torch_cpu.py, keras_cpu.py, ort_infer.py
#   PEERS_PYTHON  python3                   a python that has torch, tensorflow, onnxruntime, or some of them
#   PEERS_BIN     $PEERS_DIR                where burn-bench and candle-bench were built
#   PEERS         all that are found        such as "torch-cl keras"; also, only if named, on an NVIDIA
#                                           gpu: cuda (f32), cuda-tf32, cuda-amp (f16), cuda-compile
#   MODELS, MODES, BATCHES                  "des1 otrain", "train infer", "32 256"
#   ROUNDS 5      pairs per peer            BUDGET 5   seconds of measuring in each process
#   NEAR 0.6      after the first round, peers slower than this part of the best are left alone; 0 for none
#   LIMIT 300     seconds before a process is given up
#   THREADS       all                       of every program
#   DEVICE cpu    of rbgpu                  RBGPU  target/release/rbgpu
#   PRECISION f32 of rbgpu, or f16 on a gpu
set -u
cd "$(dirname "$0")/.." || exit 1
OUT=${1:-peers.jsonl}
[ -e "$OUT" ] && { echo "$OUT exists; name another file" >&2; exit 2; }
PEERS_DIR=${PEERS_DIR:-../shared/peers} PEERS_PYTHON=${PEERS_PYTHON:-python3}
PEERS_BIN=${PEERS_BIN:-$PEERS_DIR} RBGPU=${RBGPU:-target/release/rbgpu} DEVICE=${DEVICE:-cpu}
PRECISION=${PRECISION:-f32}
MODELS=${MODELS:-des1 otrain} MODES=${MODES:-train infer} BATCHES=${BATCHES:-32 256}
ROUNDS=${ROUNDS:-5} BUDGET=${BUDGET:-5} NEAR=${NEAR:-0.6} LIMIT=${LIMIT:-300}
THREADS=${THREADS:-$(getconf _NPROCESSORS_ONLN)}
export RAYON_NUM_THREADS=$THREADS PYTHONDONTWRITEBYTECODE=1
SUMMARY=benches/peers_summary.py
command -v "$PEERS_PYTHON" >/dev/null || { echo "no python at '$PEERS_PYTHON'; set PEERS_PYTHON" >&2; exit 1; }
[ -x "$RBGPU" ] || cargo build --release || exit 1

has() { "$PEERS_PYTHON" -c 'import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, sys.argv[1:])))' "$@"; }
program() { find "$PEERS_BIN" -type f -name "$1" -perm -u+x 2>/dev/null | head -1; }
BURN=$(program burn-bench) CANDLE=$(program candle-bench)
found=()
look() { # what is needed, whether it is there, keys
  local what=$1 there=$2; shift 2
  if [ "$there" = 0 ]; then found+=("$@"); else echo "left out, no $what: $*" >&2; fi
}
[ -f "$PEERS_DIR/torch_cpu.py" ] && has torch
look "torch_cpu.py in PEERS_DIR, or torch in PEERS_PYTHON" $? torch torch-cl torch-compile torch-cl-compile
[ -f "$PEERS_DIR/keras_cpu.py" ] && has tensorflow keras
look "keras_cpu.py, or tensorflow" $? keras keras-xla
[ -f "$PEERS_DIR/ort_infer.py" ] && has onnx onnxruntime
look "ort_infer.py, or onnx and onnxruntime" $? onnxruntime
[ -n "$BURN" ]; look "burn-bench in PEERS_BIN" $? burn-flex
[ -n "$CANDLE" ]; look "candle-bench in PEERS_BIN" $? candle
PEERS=${PEERS:-${found[*]-}}
[ -n "$PEERS" ] || { echo "no peer was found" >&2; exit 1; }

# The command of a peer in the array `line`; fails where the peer has no such configuration.
command_of() { # key model mode batch
  local python=("$PEERS_PYTHON") a=(--model "$2" --mode "$3" --batch "$4" --threads "$THREADS" --budget "$BUDGET")
  local torch=("${python[@]}" "$PEERS_DIR/torch_cpu.py" "${a[@]}") keras=("${python[@]}" "$PEERS_DIR/keras_cpu.py" "${a[@]}")
  case $1 in
    torch) line=("${torch[@]}") ;;
    torch-cl) line=("${torch[@]}" --channels-last) ;;
    torch-compile) line=("${torch[@]}" --compile) ;;
    torch-cl-compile) line=("${torch[@]}" --channels-last --compile) ;;
    cuda) line=("${torch[@]}" --channels-last --device cuda) ;;
    cuda-tf32) line=("${torch[@]}" --channels-last --device cuda --tf32) ;;
    cuda-amp) line=("${torch[@]}" --channels-last --device cuda --tf32 --amp fp16) ;;
    cuda-compile) line=("${torch[@]}" --channels-last --device cuda --compile) ;;
    keras) line=("${keras[@]}") ;;
    keras-xla) line=("${keras[@]}" --jit) ;;
    # The last three know these two networks only; ONNX Runtime does not train.
    *) [[ $2 = des1 || $2 = otrain ]] || return 1 ;;&
    onnxruntime) [ "$3" = infer ] || return 1; line=("${python[@]}" "$PEERS_DIR/ort_infer.py" "${a[@]}") ;;
    burn-*) line=("$BURN" "${1#burn-}" "$2" "$3" "$4" "$BUDGET") ;;
    candle) line=("$CANDLE" "$2" "$3" "$4" "$BUDGET") ;;
    *) [ -n "${line-}" ] || { echo "no peer is called '$1'" >&2; exit 2; } ;;
  esac
}

# Runs a command and keeps the line that it prints, or why there is none.
measure() { # key model mode batch pair command...
  local key=$1 model=$2 mode=$3 batch=$4 pair=$5; shift 5
  local said status
  said=$(timeout "$LIMIT" "$@" 2>"$errors"); status=$?
  said=$(grep '^{.*"peer"' <<<"$said" | tail -1)
  if [ -n "$said" ]; then
    echo "${said%\}}, \"key\": \"$key\", \"pair\": $pair}" >>"$OUT"
  else
    "$PEERS_PYTHON" - "$key" "$model" "$mode" "$batch" "$status" "$errors" >>"$OUT" <<'END'
import json, sys
key, model, mode, batch, status, errors = sys.argv[1:]
why = "over the limit of time" if status == "124" else open(errors).read()[-400:].strip()
print(json.dumps(dict(error=f"status {status}: {why}", key=key, model=model, mode=mode, batch=int(batch))))
END
    echo "$key, $model, $mode, $batch: status $status, see $OUT" >&2
    return 1
  fi
}

errors=$(mktemp); trap 'rm -f "$errors"' EXIT
pair=0
for model in $MODELS; do for mode in $MODES; do for batch in $BATCHES; do
  rivals=$PEERS
  for ((round = 1; round <= ROUNDS; round++)); do
    for key in $rivals; do
      line=(); command_of "$key" "$model" "$mode" "$batch" || continue
      pair=$((pair + 1))
      echo "$model, $mode, batch $batch, round $round of $ROUNDS: $key" >&2
      measure rbgpu "$model" "$mode" "$batch" $pair "$RBGPU" bench --protocol --quiet --device "$DEVICE" --precision "$PRECISION" \
        --network "$model" --mode "$mode" --batch-size "$batch" --seconds "$BUDGET" || exit 1
      measure "$key" "$model" "$mode" "$batch" $pair "${line[@]}"
    done
    [ $round = 1 ] && rivals=$("$PEERS_PYTHON" $SUMMARY --rivals "$NEAR" "$model" "$mode" "$batch" "$OUT")
  done
done; done; done
"$PEERS_PYTHON" $SUMMARY "$OUT"
