// SPDX-License-Identifier: GPL-2.0-only
/* The uniform tracepoints: each is told when it should be, in the words that every architecture has. */
#include <fcntl.h>
#include <sys/stat.h>

#include "arch/arch.h"
#include "trace.h"

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/conformance"
#define TEXT_MAX (1 << 20)

void trace_begin(void)
{
	if (access(TRACING "/events/berth", F_OK))
		skip_test(TRACING "/events/berth");
	/* A test that failed has left its own behind. */
	rmdir(INSTANCE);
	expect_eq(mkdir(INSTANCE, 0700), 0);
}

void trace_end(void)
{
	expect_eq(rmdir(INSTANCE), 0);
}

void trace_on(const char *event)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), INSTANCE "/events/berth/%s/enable", event);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		fail_test("there is no tracepoint %s", event);
	expect_eq(write(fd, "1", 1), 1);
	close(fd);
}

static char *read_trace(void)
{
	char *text = malloc(TEXT_MAX);
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = open(INSTANCE "/trace", O_RDONLY);
	expect(text && fd >= 0);
	while (len < TEXT_MAX - 1 && (n = read(fd, text + len, TEXT_MAX - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = '\0';
	return text;
}

void expect_traced(const char *event, const char *text)
{
	char *trace = read_trace(), line[256];

	snprintf(line, sizeof(line), " %s: %s", event, text);
	if (!strstr(trace, line))
		note("no \"%s\" in the trace:\n%.2000s", line + 1, trace);
	expect(strstr(trace, line));
	free(trace);
}

TEST(tracepoints_tell_of_a_run)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	add_slot(vcpu->vm, 1, 0, TEST_GPA, 0x10000);
	trace_begin();
	trace_on("berth_entry");
	trace_on("berth_exit");
	trace_on("berth_fault");
	trace_on("berth_user_exit");
	trace_on("berth_s2_zap");
	guest_store(vcpu, TEST_GPA, 8, 1);
	arch_start(vcpu, GUEST_STORE, MMIO_GPA, 4, 1);
	run_nothing(vcpu, true, MMIO_GPA, 4);
	if (arch_has_mmio)
		run_done(vcpu);
	expect_ret(set_slot(vcpu->vm, 1, 0, TEST_GPA, 0, NULL), 0);
	expect_traced("berth_entry", "vcpu 0 pc 0x");
	expect_traced("berth_exit", "vcpu 0 fault raw 0x");
	/* A machine that does not tell loads from stores has the page for loads first, then for both. */
	expect_traced("berth_fault", arch_has_mmio ? "vcpu 0 gpa 0x10000000 -w- result 0 (mapped)" :
						     "vcpu 0 gpa 0x10000000 rw- result 0 (mapped)");
	if (arch_has_mmio) {
		expect_traced("berth_fault", "vcpu 0 gpa 0x70000000 -w- result 1 (mmio)");
		expect_traced("berth_user_exit", "vcpu 0 mmio (6)");
	}
	expect_traced("berth_s2_zap", "gfn 0x");
	trace_end();
}

TEST(tracepoints_tell_of_mmio)
{
	struct vcpu *vcpu = vcpu_new(vm_new(), 0);

	need_mmio();
	trace_begin();
	trace_on("berth_mmio");
	arch_start(vcpu, GUEST_STORE, MMIO_GPA, 4, 0x11223344);
	run_until(vcpu, KVM_EXIT_MMIO);
	run_done(vcpu);
	arch_start(vcpu, GUEST_LOAD, MMIO_GPA + 8, 2, 0);
	run_until(vcpu, KVM_EXIT_MMIO);
	memcpy(vcpu->run->mmio.data, &(uint16_t){ 0xabcd }, 2);
	run_done(vcpu);
	expect_traced("berth_mmio", "vcpu 0 write gpa 0x70000000 len 4 value 0x11223344\n");
	expect_traced("berth_mmio", "vcpu 0 read gpa 0x70000008 len 2 value 0xabcd\n");
	trace_end();
}
