#!/usr/bin/env bash
# The dashboard of a real lab in a real browser: mesh-and-dashboard.md part 8, items 4, 6 and 9 as its page shows them.
. "$(dirname "${BASH_SOURCE[0]}")/lab.bash"

command -v node >/dev/null || skip "node is not installed"
chromium=${CHROMIUM:-/usr/bin/chromium}
[ -x "$chromium" ] || skip "$chromium is not installed (CHROMIUM names another one)"
[ -d "$source_dir/web/app/node_modules/playwright-core" ] || skip "web/app/node_modules is not there: npm install in web/app"

start_lab --drain-delay 2s
# Where a browser gets little of the machine, INTERVAL=30s gives it the time to see each step.
apply_the_article "${INTERVAL:-6s}" >"$scratch/apply" 2>&1 || fail "applying the manifests: $(cat "$scratch/apply")"
kubectl -n test wait canary/podinfo --for=condition=promoted --timeout=90s >/dev/null 2>&1 || fail "not initialized"
eventually 20 "the gateway answers" curl -sf "$(gateway)"
send_traffic 900
dashboard=$(sed -n 's/^dashboard at //p' "$scratch/up")
prometheus=$(pgrep -f "storage.tsdb.path=$lab_dir/") || fail "no Prometheus of this lab"

CHROMIUM=$chromium nice -n 10 node "$(dirname "${BASH_SOURCE[0]}")/dashboard.mjs" "$dashboard" "$prometheus" || fail "what the page shows"
