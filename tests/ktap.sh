# SPDX-License-Identifier: GPL-2.0-only
# KTAP from a script that runs in a host:  . ./ktap.sh; echo "1..N"; check NAME COMMAND...; exit $failed

n=0
failed=0
echo "KTAP version 1"

# check NAME COMMAND...: one test, passed when the command succeeds; the end of its output is the diagnostic.
check() {
	name=$1; shift
	n=$((n + 1))
	if out=$("$@" 2>&1); then
		result=ok
	else
		result="not ok"
		failed=1
	fi
	[ -z "$out" ] || echo "$out" | tail -40 | sed 's/^/# /'
	echo "$result $n $name"
}
