# shellcheck shell=bash
# A stack's directory, its ports and its secrets. All of it lies in one directory, so that removing the directory
# removes the stack.

# Each stack owns a block of 16 ports. The servers take the first seven; those from ten on are free for the processes
# of a demo or a test.
BLOCK=16
# Blocks lie below the range that the kernel hands out to outgoing connections (32768 and up on Linux).
FIRST_PORT=21008
BLOCKS=700

# open_stack NAME: checks the name and sets STACK_NAME, STACK_ROOT and STACK_DIR. Makes nothing.
open_stack() {
    case $1 in
        '' | *[!a-z0-9-]* | -*) bad_usage "stack: the name '$1' is not made of lowercase letters, digits and dashes" ;;
    esac
    [ ${#1} -le 40 ] || bad_usage "stack: the name '$1' is longer than 40 characters"
    STACK_NAME=$1
    # Processes are known by their directory as the kernel names it: absolute, without symbolic links.
    STACK_ROOT=$(readlink -m "${EASEL_STACK_ROOT:-/var/tmp/easel-$(id -u)}")
    STACK_DIR=$STACK_ROOT/$STACK_NAME
}

# make_stack_dir: PostgreSQL may run as another account, so the way to its directory can be walked but not listed.
make_stack_dir() {
    mkdir -p "$STACK_ROOT"
    # In a directory that everyone can write to, the name may have been taken by somebody else.
    [ -O "$STACK_ROOT" ] || fail "stack $STACK_NAME" "$STACK_ROOT belongs to another user" \
        'set EASEL_STACK_ROOT to a directory of your own'
    chmod 711 "$STACK_ROOT"
    mkdir -p "$STACK_DIR"
    chmod 711 "$STACK_DIR"
    (umask 077 && mkdir -p "$STACK_DIR/log" "$STACK_DIR/broker" "$STACK_DIR/s3" "$STACK_DIR/cdn")
    [ -z "${EASEL_STACK_DURABLE:-}" ] || : >"$STACK_DIR/durable"
}

# need_stack: it was started once, so that it has ports and secrets, which are then at hand.
need_stack() {
    if [ ! -s "$STACK_DIR/ports" ] || [ ! -s "$STACK_DIR/secrets" ]; then
        fail "stack $STACK_NAME" 'it was never started' "run: compose/local/stack up --name $STACK_NAME"
    fi
    read_secrets
}

# lock_stack: one script at a time starts or stops a stack. Held until the shell ends or unlock_stack.
lock_stack() {
    exec 9>"$STACK_DIR/lock"
    flock -w 300 9 || fail "stack $STACK_NAME" 'another script has been starting or stopping it for five minutes' \
        "look at it with: compose/local/stack status --name $STACK_NAME"
}

unlock_stack() {
    exec 9>&-
}

# port NAME: a server's port, or, by its offset into the block, one for another process.
port() {
    local offset
    case $1 in
        postgres) offset=0 ;;
        amqp) offset=1 ;;
        management) offset=2 ;;
        distribution) offset=3 ;;
        epmd) offset=4 ;;
        s3) offset=5 ;;
        cdn) offset=6 ;;
        *) offset=$1 ;;
    esac
    printf '%s\n' $(($(cat "$STACK_DIR/ports") + offset))
}

# block_is_free BASE: nothing listens on any of its ports.
block_is_free() {
    local offset
    for offset in $(seq 0 $((BLOCK - 1))); do
        ! port_taken $(($1 + offset)) || return 1
    done
}

# block_is_claimed BASE: another stack of this user has written it down, running or not.
block_is_claimed() {
    local file
    for file in "$STACK_ROOT"/*/ports; do
        [ -e "$file" ] || continue
        [ "$file" = "$STACK_DIR/ports" ] || [ "$(cat "$file")" != "$1" ] || return 0
    done
    return 1
}

# choose_ports: the block recorded last time if it is still free, else the first free one from a place that the
# stack's name and root decide. Called only while nothing of the stack runs.
choose_ports() {
    local base start step
    exec 8>"$STACK_ROOT/.ports.lock"
    flock 8
    if [ -s "$STACK_DIR/ports" ] && block_is_free "$(cat "$STACK_DIR/ports")"; then
        exec 8>&-
        return 0
    fi
    start=$(printf '%s' "$STACK_DIR" | cksum | cut -d' ' -f1)
    for step in $(seq 0 $((BLOCKS - 1))); do
        base=$((FIRST_PORT + (start + step) % BLOCKS * BLOCK))
        if ! block_is_claimed "$base" && block_is_free "$base"; then
            printf '%s\n' "$base" >"$STACK_DIR/ports"
            exec 8>&-
            return 0
        fi
    done
    fail "stack $STACK_NAME" "no $BLOCK free ports in a row from $FIRST_PORT on" 'stop what listens there'
}

# make_secrets: random, once per stack, readable by its owner alone.
make_secrets() {
    [ -s "$STACK_DIR/secrets" ] || (
        umask 077
        {
            for name in POSTGRES_ADMIN POSTGRES_APP BROKER_ADMIN BROKER_APP S3_SECRET; do
                printf 'SECRET_%s=%s\n' "$name" "$(random_secret)"
            done
            printf 'S3_ACCESS=easel%s\n' "$(random_secret | cut -c1-12)"
        } >"$STACK_DIR/secrets.new"
        mv "$STACK_DIR/secrets.new" "$STACK_DIR/secrets"
    )
    read_secrets
}

read_secrets() {
    # shellcheck source=/dev/null
    . "$STACK_DIR/secrets"
}
