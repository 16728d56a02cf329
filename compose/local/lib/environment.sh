# shellcheck shell=bash
# What a process or a test must be told to use a stack. Every value is made of characters that need no quoting.

print_environment() {
    local host=127.0.0.1 postgres amqp management s3 cdn
    postgres=$host:$(port postgres)
    amqp=$host:$(port amqp)
    management=http://admin:$SECRET_BROKER_ADMIN@$host:$(port management)
    s3=http://$host:$(port s3)
    cdn=http://$host:$(port cdn)
    cat <<LINES
EASEL_DATABASE__URL=postgres://easel:$SECRET_POSTGRES_APP@$postgres/easel
EASEL_BROKER__URL=amqp://easel:$SECRET_BROKER_APP@$amqp/easel
EASEL_BROKER__MANAGEMENT_URL=$management
EASEL_S3__ENDPOINT=$s3
EASEL_S3__BUCKET=$S3_BUCKET
EASEL_S3__REGION=us-east-1
EASEL_S3__ACCESS_KEY=$S3_ACCESS
EASEL_S3__SECRET_KEY=$SECRET_S3_SECRET
EASEL_CDN__BASE_URL=$cdn
EASEL_TEST_DATABASE_URL=postgres://postgres:$SECRET_POSTGRES_ADMIN@$postgres/postgres
EASEL_TEST_BROKER_URL=amqp://admin:$SECRET_BROKER_ADMIN@$amqp/easel
EASEL_TEST_BROKER_MANAGEMENT_URL=$management
EASEL_TEST_S3_ENDPOINT=$s3
EASEL_TEST_S3_BUCKET=$S3_BUCKET
EASEL_TEST_S3_REGION=us-east-1
EASEL_TEST_S3_ACCESS_KEY=$S3_ACCESS
EASEL_TEST_S3_SECRET_KEY=$SECRET_S3_SECRET
EASEL_TEST_CDN_BASE_URL=$cdn
EASEL_TEST_STACK=$EASEL_REPO/compose/local/stack
EASEL_TEST_STACK_NAME=$STACK_NAME
LINES
}

# command_env [EXPORT]: with EXPORT set, lines for a shell to source.
command_env() {
    need_stack
    if [ -n "${1:-}" ]; then
        print_environment | sed 's/^/export /'
    else
        print_environment
    fi
}
