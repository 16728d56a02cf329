# shellcheck shell=bash
# System packages: which are missing, and installing them without starting or touching any server of the machine.

POLICY=/usr/sbin/policy-rc.d
CREATECLUSTER=/etc/postgresql-common/createcluster.conf

# postgres_bin: the directory of the newest PostgreSQL server programs, 15 or newer.
postgres_bin() {
    local dir version best='' best_version=14
    for dir in ${EASEL_POSTGRES_BIN:+"$EASEL_POSTGRES_BIN"} /usr/lib/postgresql/*/bin /usr/pgsql-*/bin "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
        [ -x "$dir/initdb" ] || continue
        version=$("$dir/initdb" --version | grep -oE '[0-9]+' | head -n 1)
        if [ "${version:-0}" -gt "$best_version" ]; then
            best=$dir
            best_version=$version
        fi
    done
    [ -n "$best" ] && printf '%s\n' "$best"
}

# rabbitmq_bin: the directory with the server's own script. The one in /usr/sbin insists on the system's account.
rabbitmq_bin() {
    local dir
    for dir in ${EASEL_RABBITMQ_HOME:+"$EASEL_RABBITMQ_HOME/sbin"} /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin /opt/rabbitmq*/sbin; do
        if [ -x "$dir/rabbitmq-server" ]; then
            printf '%s\n' "$dir"
            return 0
        fi
    done
    return 1
}

# program NAME: its path, /usr/sbin included, which an ordinary user's PATH leaves out.
program() {
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1"
}

chromium_bin() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

# missing_packages: Debian's names of what the build, the stack and the tests cannot do without.
missing_packages() {
    postgres_bin >/dev/null || echo postgresql
    rabbitmq_bin >/dev/null || echo rabbitmq-server
    program nginx >/dev/null || echo nginx
    have gcc || echo gcc
    have g++ || echo g++
    have make || echo make
    have pkg-config || echo pkg-config
    have curl || echo curl
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    if ! python3 -c 'import venv, ensurepip' >/dev/null 2>&1; then echo python3-venv; fi
}

# missing_extras: what only the browser test needs; its absence is said, not fatal.
missing_extras() {
    chromium_bin >/dev/null || echo chromium
    have chromedriver || echo chromium-driver
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

may_install() {
    [ "${EASEL_SETUP_APT:-1}" = 1 ] && have apt-get && as_root true 2>/dev/null
}

# hold_services: from here until release_services an installed package may not start its server. A policy of the
# machine's owner that already forbids it stays; any other is put aside and put back.
hold_services() {
    POLICY_SAVED=''
    POLICY_OURS=''
    if [ -x "$POLICY" ] && ! "$POLICY" nginx start >/dev/null 2>&1; then
        return 0
    fi
    if [ -e "$POLICY" ]; then
        POLICY_SAVED=$POLICY.before-easel
        as_root mv "$POLICY" "$POLICY_SAVED"
    fi
    POLICY_OURS=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
}

release_services() {
    [ -z "${POLICY_OURS:-}" ] || as_root rm -f "$POLICY"
    [ -z "${POLICY_SAVED:-}" ] || as_root mv "$POLICY_SAVED" "$POLICY"
    POLICY_OURS=''
    POLICY_SAVED=''
    restore_createcluster
}

# Debian's PostgreSQL package makes and starts a cluster of its own unless told otherwise.
forbid_main_cluster() {
    [ -e "$CREATECLUSTER" ] || return 0
    CREATECLUSTER_SAVED=$CREATECLUSTER.before-easel
    as_root cp -p "$CREATECLUSTER" "$CREATECLUSTER_SAVED"
    printf 'create_main_cluster = false\n' | as_root tee -a "$CREATECLUSTER" >/dev/null
}

restore_createcluster() {
    [ -z "${CREATECLUSTER_SAVED:-}" ] || as_root mv "$CREATECLUSTER_SAVED" "$CREATECLUSTER"
    CREATECLUSTER_SAVED=''
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$APT_LOG" 2>&1
}

# keep_from_booting UNIT...: a server that came only for us does not start with the machine either.
keep_from_booting() {
    have systemctl || return 0
    local unit
    for unit in "$@"; do
        # Not every package brings every unit.
        as_root systemctl disable "$unit" >>"$APT_LOG" 2>&1 || true
    done
}

# install_packages NAME...: through apt, servers held. The caller looks afterwards whether it helped.
install_packages() {
    local name units=()
    APT_LOG=$(mktemp -t easel-apt.XXXXXX)
    trap release_services EXIT
    hold_services
    if [ -z "${APT_UPDATED:-}" ]; then
        as_root apt-get update >>"$APT_LOG" 2>&1 || say '  apt-get update failed; trying with the lists at hand'
        APT_UPDATED=1
    fi
    for name in "$@"; do
        case $name in
            postgresql)
                apt_install postgresql-common || true
                forbid_main_cluster
                units+=(postgresql.service)
                ;;
            rabbitmq-server) units+=(rabbitmq-server.service epmd.service epmd.socket) ;;
            nginx) units+=(nginx.service) ;;
        esac
    done
    apt_install "$@" || { say "  apt-get install $* failed:"; tail -n 5 "$APT_LOG" >&2; }
    keep_from_booting "${units[@]}"
    release_services
    trap - EXIT
}
