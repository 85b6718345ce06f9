#!/bin/sh
# Makes the certificates of this folder anew; needs openssl and faketime.
set -eu
clock=
cd "$(dirname "$0")"

authority() { # file, name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.pem" \
    -subj "/CN=$2" -days 36500 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

server() { # file, authority, arguments of "openssl x509"
  file=$1 issuer=$2
  shift 2
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$file.key" -out "$file.csr" -subj "/CN=$file"
  printf 'subjectAltName=IP:203.0.113.10,IP:2001:db8::10,DNS:gateway.test\nbasicConstraints=critical,CA:FALSE\n' >"$file.ext"
  $clock openssl x509 -req -in "$file.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -extfile "$file.ext" -out "$file.pem" "$@"
  cat "$issuer.pem" >>"$file.pem"
  rm "$file.csr" "$file.ext"
}

authority authority 'Corridor test authority'
authority stranger 'Somebody else'
server gateway authority -days 36500
clock='faketime 2000-01-01' server past authority -days 366
server foreign stranger -days 36500
rm authority.key stranger.key
