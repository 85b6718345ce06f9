#!/bin/bash
# Turns a Raspberry Pi (or any small Debian machine) into the router of a vehicle: Node's modules and the native addon
# built, the agent as a service, addresses for the devices in the vehicle (dnsmasq), a firewall (nftables).
#
#   sudo deploy/pi/setup.sh --lan eth0 [--lan-address 192.168.77.1/24] [--dry-run]
#   sudo -u corridor corridor-agent enroll https://GATEWAY:8443 CLAIM && sudo systemctl start corridor-agent
#
# It may run again at any time: what is as it should be stays untouched. Uplinks are configured by what the system brings
# (NetworkManager, ModemManager): the agent finds them by the names in /etc/corridor/agent.json.
set -euo pipefail

LIB=/usr/lib/corridor
LAN=
LAN_ADDRESS=192.168.77.1/24
DRY_RUN=
TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
  echo "setup: $*" >&2
  exit 1
}

say() { echo "setup: $*"; }

usage() {
  sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit "${1:-0}"
}

# Runs a command, or tells what would run.
run() {
  if [ -n "$DRY_RUN" ]; then
    echo "would run: $*"
  else
    "$@"
  fi
}

# Writes standard input to a file when its content differs; answers whether it did.
put() {
  local mode=$1 file=$2 content
  content=$(cat)
  if [ -f "$file" ] && [ "$(cat "$file")" = "$content" ]; then return 1; fi
  if [ -n "$DRY_RUN" ]; then
    echo "would write: $file"
  else
    install -d "$(dirname "$file")"
    printf '%s\n' "$content" >"$file.new"
    chmod "$mode" "$file.new"
    mv "$file.new" "$file"
    say "wrote $file"
  fi
}

while [ $# -gt 0 ]; do
  case $1 in
  --lan) LAN=${2:-} && shift 2 || usage 2 ;;
  --lan-address) LAN_ADDRESS=${2:-} && shift 2 || usage 2 ;;
  --dry-run) DRY_RUN=yes && shift ;;
  --help | -h) usage ;;
  *) echo "setup: unknown option $1" >&2 && usage 2 ;;
  esac
done

# --- what must be so ---------------------------------------------------------------------------------------------

[[ $LAN =~ ^[^[:space:]/]{1,15}$ ]] || fail "name the interface that the devices in the vehicle are plugged into, such as: --lan eth0"
[[ $LAN_ADDRESS =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})/(1[6-9]|2[0-9])$ ]] ||
  fail "--lan-address: expected an IPv4 address with a prefix length from 16 to 29, such as 192.168.77.1/24"
for octet in "${BASH_REMATCH[@]:1:4}"; do
  [ "$octet" -le 255 ] || fail "--lan-address: $octet is no part of an IPv4 address"
done
LAN_IP=${LAN_ADDRESS%/*}
LAN_LENGTH=${LAN_ADDRESS#*/}
[ -n "$DRY_RUN" ] || [ "$(id -u)" = 0 ] || fail "run it as root (sudo), or with --dry-run to see what it would do"
[ -f "$TREE/package-lock.json" ] || fail "$TREE is no checkout of Corridor: run the script where it lies"
command -v apt-get >/dev/null || fail "this script needs Debian or Raspberry Pi OS (apt-get is missing)"

# First and last address for the devices: all of the network but the router itself and the broadcast address.
range() {
  python3 - "$LAN_ADDRESS" <<'PYTHON'
import ipaddress, sys
router = ipaddress.ip_interface(sys.argv[1])
hosts = [host for host in router.network.hosts() if host != router.ip]
print(hosts[min(9, len(hosts) - 1)], hosts[-1])
PYTHON
}
read -r FIRST LAST <<<"$(range)"

# --- programs ----------------------------------------------------------------------------------------------------

missing=()
for package in ca-certificates dnsmasq g++ iproute2 nftables python3; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  run apt-get update -q
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}"
fi
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null ||
  fail "Node 20.19 or newer is missing: install it (https://nodejs.org/en/download) and run this again"

# --- user and tree -------------------------------------------------------------------------------------------------

getent passwd corridor >/dev/null || run useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin corridor
if [ "$TREE" != "$LIB" ]; then
  run install -d -m 0755 "$LIB"
  # Two steps, so that a running agent never sees half a tree: it has its modules loaded.
  run cp -a "$TREE/." "$LIB/"
fi
run env --chdir="$LIB" node scripts/setup.mjs
run ln -sfn "$LIB/apps/agent/bin/corridor-agent.js" /usr/local/bin/corridor-agent

# --- the agent -----------------------------------------------------------------------------------------------------

run install -d -o root -g corridor -m 0750 /etc/corridor
# Somebody's own configuration stays.
if [ ! -e /etc/corridor/agent.json ]; then
  put 0640 /etc/corridor/agent.json <"$TREE/deploy/examples/agent.json" && run chgrp corridor /etc/corridor/agent.json
fi
run install -d -o corridor -g corridor -m 0700 /var/lib/corridor
put 0644 /etc/systemd/system/corridor-agent.service <"$TREE/deploy/corridor-agent.service" || true
put 0644 /etc/modules-load.d/corridor.conf <<<"tun" || true

# --- the vehicle's own network -------------------------------------------------------------------------------------

put 0644 /etc/systemd/network/20-corridor-lan.network <<EOF || true
# The devices in the vehicle. Written by deploy/pi/setup.sh.
[Match]
Name=$LAN

[Network]
Address=$LAN_ADDRESS
ConfigureWithoutCarrier=yes
EOF
put 0644 /etc/NetworkManager/conf.d/20-corridor-lan.conf <<EOF || true
# The devices in the vehicle: systemd-networkd looks after this interface. Written by deploy/pi/setup.sh.
[keyfile]
unmanaged-devices=interface-name:$LAN
EOF
put 0644 /etc/dnsmasq.d/corridor.conf <<EOF || true
# Addresses and names for the devices in the vehicle. Written by deploy/pi/setup.sh.
interface=$LAN
bind-dynamic
dhcp-authoritative
dhcp-range=$FIRST,$LAST,12h
dhcp-option=option:router,$LAN_IP
dhcp-option=option:dns-server,$LAN_IP
# The tunnel carries packets of 1,400 bytes: told to those who listen; the others learn it by ICMP.
dhcp-option=option:mtu,1400
EOF
put 0644 /etc/sysctl.d/60-corridor.conf <<EOF || true
# The Pi forwards for the devices in the vehicle. Written by deploy/pi/setup.sh.
net.ipv4.ip_forward = 1
net.ipv6.conf.all.forwarding = 1
# Uplinks that learn their route from router advertisements go on doing so although the machine forwards.
net.ipv6.conf.all.accept_ra = 2
net.ipv6.conf.default.accept_ra = 2
EOF
put 0644 /etc/nftables.d/corridor.nft <<EOF || true
# Nothing from the uplinks gets in, and nothing from the vehicle gets out but through the tunnel. Written by
# deploy/pi/setup.sh; loaded by corridor-firewall.service.
table inet corridor
delete table inet corridor
table inet corridor {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    iifname "lo" accept
    # Errors and path MTU, neighbours and routers; echo requests at a pace.
    ip protocol icmp icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
    ip6 nexthdr icmpv6 icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
    meta l4proto { icmp, icmpv6 } limit rate 10/second accept
    # Answers of DHCP servers of modems come from addresses that are not tracked.
    udp sport 67 udp dport 68 accept
    udp sport 547 udp dport 546 accept
    # The devices in the vehicle: addresses, names, and ssh for the workshop.
    iifname "$LAN" udp dport { 53, 67 } accept
    iifname "$LAN" tcp dport { 22, 53 } accept
    # The hospital's side may reach ssh through the tunnel.
    iifname "corridor" tcp dport 22 accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state invalid drop
    iifname "$LAN" oifname "corridor" accept
    iifname "corridor" oifname "$LAN" accept
  }
}
EOF
put 0644 /etc/systemd/system/corridor-firewall.service <<'EOF' || true
# Written by deploy/pi/setup.sh.
[Unit]
Description=Firewall of the vehicle's router
Before=network-pre.target corridor-agent.service
Wants=network-pre.target
DefaultDependencies=no

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/nftables.d/corridor.nft
ExecStop=/usr/sbin/nft delete table inet corridor

[Install]
WantedBy=sysinit.target
EOF

# --- in force ------------------------------------------------------------------------------------------------------

run modprobe tun
run systemctl daemon-reload
run sysctl -q --system
run systemctl enable -q --now systemd-networkd.service corridor-firewall.service dnsmasq.service
run systemctl reload-or-restart corridor-firewall.service dnsmasq.service
run systemctl enable -q corridor-agent.service
if [ -e /var/lib/corridor/credentials.json ]; then
  run systemctl restart corridor-agent.service
  say "done; the agent runs: corridor-agent status"
else
  say "done; now enrol this vehicle with the claim from the console:"
  say "  sudo -u corridor corridor-agent enroll https://GATEWAY:8443 CLAIM && sudo systemctl start corridor-agent"
fi
[ "$LAN_LENGTH" -le 29 ] && say "the gateway must know the network behind this vehicle: add $(python3 -c "import ipaddress; print(ipaddress.ip_interface('$LAN_ADDRESS').network)") to the vehicle in the console"
