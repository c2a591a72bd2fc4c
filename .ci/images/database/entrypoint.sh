# Makes the database on first start, then serves it.
set -eu
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
    password=$(mktemp)
    printf '%s' "$POSTGRES_PASSWORD" >"$password"
    initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile="$password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
    rm "$password"
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    # Only the socket listens while the database is made: a health check over TCP waits for it.
    pg_ctl --pgdata="$data" --options="-c listen_addresses='' -k /tmp" --wait start
    PGPASSWORD=$POSTGRES_PASSWORD createdb --host=/tmp --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --pgdata="$data" --mode=fast --wait stop
fi
exec postgres -D "$data" -c listen_addresses='*' -k /tmp
