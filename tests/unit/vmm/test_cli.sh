#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What berth says to wrong words and bad files, and its exit status: test_cli.sh PROGRAM. KTAP.
# The files are judged before the KVM device is opened; /dev/null stands for one that is none.
berth=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

# expect NAME STATUS TEXT ARGUMENT...: the exit status, and a part of what is said on stderr.
expect() {
	name=$1 status=$2 text=$3
	shift 3
	n=$((n + 1))
	said=$(timeout 20 "$berth" "$@" 2>&1 >"$dir/out" </dev/null)
	got=$?
	case $said in *"$text"*) found=y ;; *) found=n ;; esac
	if [ $got = "$status" ] && [ $found = y ]; then
		echo "ok $n $name"
	else
		echo "# expected status $status and: $text"
		echo "# seen status $got and: $said"
		echo "not ok $n $name"
		failed=1
	fi
}

# put FILE OFFSET BYTES: octal escapes, as printf has them.
put() {
	printf "$3" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc 2>/dev/null
}

# A bzImage of 5 setup sectors and 64 KB of nothing, that has all a header needs.
bzimage() {
	head -c 68096 /dev/zero >"$1"
	put "$1" 0x1f1 '\004\0\0\0\020\0\0'	# setup_sects, root_flags, syssize in 16 bytes
	put "$1" 0x1fe '\125\252'
	put "$1" 0x202 'HdrS\017\002'		# protocol 2.15
	put "$1" 0x211 '\001'			# loaded high
	put "$1" 0x22c '\377\377\377\177'	# initrd_addr_max
	put "$1" 0x236 '\001\0'			# 64-bit entry
	put "$1" 0x238 '\0\010\0\0'		# command line of 2048 bytes
	put "$1" 0x258 '\0\0\0\001'		# at 16 MB
	put "$1" 0x260 '\0\0\002\0'		# init_size
}

run() {
	name=$1 status=$2 text=$3
	shift 3
	expect "$name" "$status" "$text" run --kvm /dev/null "$@"
}

k=$dir/kernel
bzimage "$k"
echo "KTAP version 1"

expect no_command_is_usage 2 "what to do"
expect unknown_command_is_usage 2 "unknown command 'fly'" fly
expect help_is_status_0 0 "" --help
expect help_of_run_is_status_0 0 "" run --help
run no_kernel_is_usage 2 "--kernel"
run unknown_option_is_usage 2 "unknown option '--kern'" --kern "$k"
run option_without_value_is_usage 2 "--kernel needs a value" --kernel
run cpus_0_is_usage 2 "not between 1 and" --kernel "$k" --cpus 0
run cpus_text_is_usage 2 "not a number" --kernel "$k" --cpus two
run cpus_negative_is_usage 2 "not a number" --kernel "$k" --cpus -1
run memory_small_is_usage 2 "not between 32M" --kernel "$k" --mem 1
run memory_overflow_is_usage 2 "not between 32M" --kernel "$k" --mem 17592186044417
run memory_number_too_long_is_usage 2 "not a number" --kernel "$k" --mem 99999999999999999999999
run memory_unit_is_usage 2 "not a number of megabytes" --kernel "$k" --mem 1T
run network_unknown_is_usage 2 "neither user nor tap" --kernel "$k" --net bridge
run tap_name_too_long_is_usage 2 "no name of an interface" --kernel "$k" --net tap:0123456789abcdef
run five_disks_are_usage 2 "no more than 4" --kernel "$k" --disk a --disk b --disk c --disk d --disk e
run kernel_missing_is_told 1 "cannot open $dir/none: No such file or directory" --kernel "$dir/none"
run kernel_directory_is_told 1 "is not a file" --kernel "$dir"
run good_files_come_to_the_device 1 "/dev/null does not speak the KVM interface" --kernel "$k"
run equals_sign_is_a_space 1 "/dev/null does not speak" "--kernel=$k" --mem=64M
expect device_missing_is_told 1 "cannot open $dir/kvm: No such file" run --kernel "$k" --kvm "$dir/kvm"
expect info_without_device_is_told 1 "does not speak the KVM interface" info --kvm /dev/null

: >"$dir/empty"
run kernel_empty_is_told 1 "not a bzImage: too short" --kernel "$dir/empty"
head -c 70000 /dev/zero >"$dir/zeros"
run kernel_of_zeros_is_told 1 "is not a bzImage" --kernel "$dir/zeros"
for size in 496 600 620 1024 2560 2561 60000; do
	head -c $size "$k" >"$dir/cut"
	case $size in 496 | 600) said="too short" ;; *) said="is truncated" ;; esac
	run kernel_cut_at_${size}_is_told 1 "$said" --kernel "$dir/cut"
done
bzimage "$dir/old"; put "$dir/old" 0x206 '\011\002'
run kernel_of_an_old_protocol_is_told 1 "no 64-bit entry (boot protocol 2.09)" --kernel "$dir/old"
bzimage "$dir/32"; put "$dir/32" 0x236 '\0\0'
run kernel_of_32_bits_is_told 1 "no 64-bit entry" --kernel "$dir/32"
bzimage "$dir/low"; put "$dir/low" 0x258 '\0\020\0\0'
run kernel_below_1m_is_told 1 "below 1 MB" --kernel "$dir/low"
bzimage "$dir/far"; put "$dir/far" 0x258 '\377\377\377\377\377\377\377\377'
run kernel_at_the_end_of_addresses_is_told 1 "no room for" --kernel "$dir/far"
bzimage "$dir/big"; put "$dir/big" 0x260 '\377\377\377\377'
run kernel_bigger_than_memory_is_told 1 "no room for" --kernel "$dir/big"

run initrd_missing_is_told 1 "cannot open $dir/none" --kernel "$k" --initrd "$dir/none"
run initrd_empty_is_told 1 "is empty" --kernel "$k" --initrd "$dir/empty"
truncate -s 40M "$dir/initrd"
run initrd_bigger_than_memory_is_told 1 "no room for $dir/initrd in 32 MB" --kernel "$k" \
	--initrd "$dir/initrd" --mem 32
run initrd_over_the_kernel_is_told 1 "no room for" --kernel "$k" --initrd "$dir/initrd" --mem 48
bzimage "$dir/lowrd"; put "$dir/lowrd" 0x22c '\0\0\0\0'
run initrd_address_0_at_most_is_told 1 "no room for" --kernel "$dir/lowrd" --initrd "$k"
long=$(head -c 3000 /dev/zero | tr '\0' x)
run command_line_too_long_is_told 1 "longer than the 2048 bytes" --kernel "$k" --append "$long"

echo "1..$n"
exit $failed
