#!/bin/sh
# Starts mosquitto; the first time it makes the dynamic security file, with the gateway's user in it.
#
#   MOSQUITTO_CONFIG         default /mosquitto/config/mosquitto.conf
#   MOSQUITTO_DATA           default /mosquitto/data; kept between starts
#   MQTT_ADMIN_USER          default admin; the user name in MQTT_URL
#   MQTT_ADMIN_PASSWORD_FILE default /run/secrets/mqtt_admin_password; the password in MQTT_URL
set -eu

config=${MOSQUITTO_CONFIG:-/mosquitto/config/mosquitto.conf}
data=${MOSQUITTO_DATA:-/mosquitto/data}
user=${MQTT_ADMIN_USER:-admin}
secret=${MQTT_ADMIN_PASSWORD_FILE:-/run/secrets/mqtt_admin_password}
file=$data/dynamic-security.json

umask 077
# Without the capability to override permissions, root can write only where it is the owner.
if [ "$(id -u)" = 0 ]; then
  chown 0:0 "$data"
fi

if [ ! -s "$file" ]; then
  if [ ! -s "$secret" ]; then
    echo "entrypoint: expected the password of the gateway's MQTT user in $secret" >&2
    exit 1
  fi
  rm -f "$file.new"
  # Only processes of this container can see the argument, and there is none yet.
  mosquitto_ctrl dynsec init "$file.new" "$user" "$(cat "$secret")" >/dev/null
  mv "$file.new" "$file"
fi

# Started as root, mosquitto becomes the user mosquitto by itself, who has to own what it writes.
if [ "$(id -u)" = 0 ]; then
  chown -R mosquitto:mosquitto "$data"
fi

exec mosquitto -c "$config"
