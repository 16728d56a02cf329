#!/usr/bin/env bash
# Makes the secrets that compose.yaml reads, random and once; what is already there stays. The Discord token is taken
# from DISCORD_TOKEN whenever that is set; a made-up one, for the playground alone, holds its place until then.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/local/lib/common.sh"

dir=$here/secrets
mkdir -p "$dir"
# The directory keeps other people out; the files in it are read by each container's own account.
chmod 700 "$dir"
umask 022

# secret FILE TEXT
secret() {
    [ -s "$dir/$1" ] || printf '%s' "$2" >"$dir/$1"
}

secret postgres_password "$(random_secret)"
secret database_url "postgres://easel:$(cat "$dir/postgres_password")@postgres:5432/easel"
if [ ! -s "$dir/broker.conf" ]; then
    password=$(random_secret)
    secret broker_url "amqp://easel:$password@broker:5672/easel"
    secret broker_management_url "http://easel:$password@broker:15672"
    secret broker.conf "default_user = easel
default_pass = $password
default_user_tags.administrator = true
default_vhost = easel
"
fi
secret s3_secret_key "$(random_secret)"
if [ -n "${DISCORD_TOKEN:-}" ] && [ "$(cat "$dir/discord_token" 2>/dev/null)" != "$DISCORD_TOKEN" ]; then
    printf '%s' "$DISCORD_TOKEN" >"$dir/discord_token"
    say 'the Discord token is now the one of DISCORD_TOKEN'
elif [ ! -s "$dir/discord_token" ]; then
    secret discord_token "$(playground_token)"
    say 'no DISCORD_TOKEN was given: the token is made up and serves the playground alone; give it and run this again'
fi
say "secrets are in $dir"
