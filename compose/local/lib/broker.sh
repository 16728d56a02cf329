# shellcheck shell=bash
# A private RabbitMQ node with the management plugin. Everything that it would share with another node of the machine
# (name, ports, name service, cookie, configuration, data) is its own.

broker_dir() {
    printf '%s\n' "$STACK_DIR/broker"
}

broker_log() {
    printf '%s\n' "$STACK_DIR/log/broker.log"
}

management_url() {
    printf 'http://127.0.0.1:%s\n' "$(port management)"
}

# management METHOD PATH [BODY]: one call as the administrator; prints the answer, fails on an error status.
# The password goes in through a file descriptor, so that ps does not show it.
management() {
    local body=()
    [ $# -lt 3 ] || body=(-H 'content-type: application/json' --data "$3")
    curl -sSf -m 10 -X "$1" -K <(printf 'user = "admin:%s"\n' "$SECRET_BROKER_ADMIN") "${body[@]}" "$(management_url)$2"
}

write_broker_files() {
    local dir
    dir=$(broker_dir)
    (
        umask 077
        cat >"$dir/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$(port amqp)
management.tcp.ip = 127.0.0.1
management.tcp.port = $(port management)
default_user = admin
default_pass = $SECRET_BROKER_ADMIN
default_user_tags.administrator = true
default_vhost = easel
loopback_users = none
disk_free_limit.absolute = 64MB
vm_memory_high_watermark.relative = 0.3
log.console = true
log.console.level = warning
log.file = false
CONF
        printf '[rabbitmq_management].\n' >"$dir/enabled_plugins"
        # The machine's own /etc/rabbitmq/rabbitmq-env.conf must not speak for this node.
        : >"$dir/rabbitmq-env.conf"
    )
}

broker_environment() {
    local dir
    dir=$(broker_dir)
    # The BEAM's busy waiting would take the cores from the engine on a small machine.
    printf '%s\n' \
        "PATH=$PATH" "LANG=C.UTF-8" "HOME=$dir" \
        "RABBITMQ_CONF_ENV_FILE=$dir/rabbitmq-env.conf" \
        "RABBITMQ_NODENAME=easel-$STACK_NAME@localhost" \
        "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1" \
        "RABBITMQ_NODE_PORT=$(port amqp)" \
        "RABBITMQ_DIST_PORT=$(port distribution)" \
        "ERL_EPMD_PORT=$(port epmd)" \
        "ERL_EPMD_ADDRESS=127.0.0.1" \
        "RABBITMQ_MNESIA_BASE=$dir/data" \
        "RABBITMQ_LOG_BASE=$STACK_DIR/log" \
        "RABBITMQ_LOGS=-" \
        "RABBITMQ_PID_FILE=$dir/pid" \
        "RABBITMQ_GENERATED_CONFIG_DIR=$dir/generated" \
        "RABBITMQ_ENABLED_PLUGINS_FILE=$dir/enabled_plugins" \
        "RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf" \
        "RABBITMQ_ADVANCED_CONFIG_FILE=$dir/advanced.config" \
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none" \
        "RUNNING_UNDER_SYSTEMD=true"
}

start_broker() {
    local dir environment
    dir=$(broker_dir)
    write_broker_files
    start_name_service
    mapfile -t environment < <(broker_environment)
    # "Under systemd" the start script becomes the server instead of staying in front of it: one process to signal.
    detached "$dir" "$(broker_log)" -i "${environment[@]}" "$(rabbitmq_bin)/rabbitmq-server"
}

# Erlang's port mapper. A node that finds none starts one that outlives it and serves the whole machine; ours is
# started first, on our port, and ends with the stack.
start_name_service() {
    no_processes epmd "$(broker_dir)" || return 0
    local epmd
    epmd=$(command -v epmd || command -v /usr/lib/erlang/bin/epmd) || fail 'broker' 'no epmd, which comes with Erlang' 'reinstall the package erlang-base'
    detached "$(broker_dir)" "$(broker_log)" "$epmd" -address 127.0.0.1 -port "$(port epmd)"
    wait_until 10 port_taken "$(port epmd)" ||
        fail 'broker' "epmd did not open port $(port epmd)" 'read the log' "$(broker_log)"
}

broker_answers() {
    management GET "/api/health/checks/port-listener/$(port amqp)" >/dev/null 2>&1 &&
        management GET /api/health/checks/virtual-hosts >/dev/null 2>&1
}

await_broker() {
    await 'broker' 120 broker_answers broker_runs "$(broker_log)"
    [ ! -e "$(broker_dir)/complete" ] || return 0
    # The processes of the platform use an account that is no administrator of the node.
    {
        management PUT /api/users/easel "{\"password\":\"$SECRET_BROKER_APP\",\"tags\":\"\"}" &&
            management PUT /api/permissions/easel/easel '{"configure":".*","write":".*","read":".*"}'
    } >/dev/null || fail 'broker' 'making the account and the virtual host failed' \
        'read the log; "stack up --fresh" starts over' "$(broker_log)"
    touch "$(broker_dir)/complete"
}

broker_runs() {
    ! no_processes beam "$(broker_dir)"
}

stop_broker() {
    end_processes beam "$(broker_dir)" TERM 30
    stop_name_service
}

stop_name_service() {
    end_processes epmd "$(broker_dir)" TERM 5
}

# As a crash would: no goodbye to clients, nothing flushed.
kill_broker() {
    end_processes beam "$(broker_dir)" KILL 10
}
