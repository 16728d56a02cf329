# shellcheck shell=bash
# The S3 server, built from this repository, and nginx as the CDN in front of it.

S3_BUCKET=easel

s3_log() {
    printf '%s\n' "$STACK_DIR/log/s3.log"
}

cdn_log() {
    printf '%s\n' "$STACK_DIR/log/cdn.log"
}

# s3_binary: its path, built first when missing or older than its sources. Cargo is not asked otherwise: it would wait
# for any other build that is under way.
s3_binary() {
    local binary=${EASEL_S3_BIN:-${CARGO_TARGET_DIR:-$EASEL_REPO/target}/debug/easel-s3} log=$STACK_DIR/log/build.log
    case $binary in /*) ;; *) binary=$EASEL_REPO/$binary ;; esac
    if [ -z "${EASEL_S3_BIN:-}" ] && { [ ! -x "$binary" ] || [ -n "$(newer_sources "$binary")" ]; }; then
        say 's3: building easel-s3'
        (cd "$EASEL_REPO" && cargo build --locked -p easel-playground --bin easel-s3) >"$log" 2>&1 ||
            fail 's3' 'cargo build failed' 'read the compiler messages' "$log"
        # Cargo leaves a file alone that would not change; without this the next start would ask again.
        touch "$binary"
    fi
    [ -x "$binary" ] || fail 's3' "$binary is no program" 'unset EASEL_S3_BIN, or point it at easel-s3'
    printf '%s\n' "$binary"
}

newer_sources() {
    find "$EASEL_REPO/playground/src/s3.rs" "$EASEL_REPO/playground/src/bin/easel-s3.rs" -newer "$1" 2>/dev/null
}

start_s3() {
    local binary
    binary=$(s3_binary)
    # The secret is given by environment, never on the command line.
    EASEL_S3__SECRET_KEY=$SECRET_S3_SECRET detached "$STACK_DIR/s3" "$(s3_log)" "$binary" --listen "127.0.0.1:$(port s3)" \
        --root "$STACK_DIR/s3" --bucket "$S3_BUCKET" --access-key "$S3_ACCESS"
}

# http_status URL: three digits, 000 when nobody answers.
http_status() {
    curl -s -m 5 -o /dev/null -w '%{http_code}' "$1" || true
}

# Unsigned, so it must refuse: that is the answer of a server that is up and checks.
s3_answers() {
    [ "$(http_status "http://127.0.0.1:$(port s3)/")" = 403 ]
}

await_s3() {
    await 's3' 30 s3_answers s3_runs "$(s3_log)"
}

s3_runs() {
    ! no_processes easel-s3 "$STACK_DIR/s3"
}

kill_s3() {
    end_processes easel-s3 "$STACK_DIR/s3" KILL 10
}

stop_s3() {
    end_processes easel-s3 "$STACK_DIR/s3" TERM 15
}

write_cdn_files() {
    local dir=$STACK_DIR/cdn user=''
    # Started by root, nginx would hand its workers to an account that cannot write here.
    [ "$(id -u)" != 0 ] || user='user root;'
    mkdir -p "$dir/cache" "$dir/tmp"
    sed -e "s|\${CDN_LISTEN}|127.0.0.1:$(port cdn)|" -e "s|\${CDN_UPSTREAM}|127.0.0.1:$(port s3)|" \
        -e "s|\${CDN_BUCKET}|$S3_BUCKET|" -e "s|\${CDN_CACHE}|$dir/cache|" -e "s|\${CDN_CACHE_SIZE}|2g|" \
        "$EASEL_REPO/compose/nginx/cdn.conf.template" >"$dir/cdn.conf"
    cat >"$dir/nginx.conf" <<CONF
$user
daemon off;
worker_processes 1;
pid $dir/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $dir/tmp/body;
    proxy_temp_path $dir/tmp/proxy;
    fastcgi_temp_path $dir/tmp/fastcgi;
    uwsgi_temp_path $dir/tmp/uwsgi;
    scgi_temp_path $dir/tmp/scgi;
    include $dir/cdn.conf;
}
CONF
}

start_cdn() {
    write_cdn_files
    detached "$STACK_DIR/cdn" "$(cdn_log)" "$(program nginx)" -p "$STACK_DIR/cdn" -e stderr -c "$STACK_DIR/cdn/nginx.conf"
}

# An object that is not there, asked for through the CDN: the answer comes from the storage behind it.
cdn_answers() {
    [ "$(http_status "http://127.0.0.1:$(port cdn)/public/none")" = 404 ]
}

await_cdn() {
    await 'cdn' 30 cdn_answers cdn_runs "$(cdn_log)"
}

cdn_runs() {
    ! no_processes nginx "$STACK_DIR/cdn"
}

kill_cdn() {
    end_processes nginx "$STACK_DIR/cdn" KILL 10
}

stop_cdn() {
    end_processes nginx "$STACK_DIR/cdn" TERM 10
}
