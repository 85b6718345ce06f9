#!/bin/bash
# Makes the passwords of a docker-compose installation, once: what is there already stays as it is.
#
#   deploy/make-secrets.sh [FOLDER]        (default: deploy/secrets)
set -euo pipefail
umask 077

folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets}
mkdir -p "$folder"

# 32 random bytes, in letters that need no escaping in a URL.
password() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

keep() {
  local file=$folder/$1
  if [ -s "$file" ]; then
    echo "kept $file"
  else
    # No newline at the end: some images take the file as it is.
    printf '%s' "$2" >"$file.new"
    mv "$file.new" "$file"
    echo "made $file"
  fi
}

keep postgres_password "$(password)"
keep mqtt_admin_password "$(password)"
keep database_url "postgresql://corridor:$(cat "$folder/postgres_password")@postgres:5432/corridor"
keep mqtt_url "mqtt://admin:$(cat "$folder/mqtt_admin_password")@mosquitto:1883"
