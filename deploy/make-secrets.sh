#!/bin/sh
# Makes the passwords that docker-compose.yml reads from files. Run once, before the first `docker compose up`.
# What is there stays: changing a file does not change the password in the database.
set -eu
umask 077
folder="${1:-$(dirname "$0")/secrets}"
mkdir -p "$folder"

make_password() {
  if [ ! -s "$folder/$1" ]; then
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$folder/$1"
  fi
}

make_password postgres-password
make_password temporal-password
make_password keyturn-password
printf 'postgresql://keyturn:%s@postgres:5432/keyturn' "$(cat "$folder/keyturn-password")" >"$folder/database-url"

# The containers read the files as users of their own; the folder itself stays closed.
chmod 0644 "$folder"/*
