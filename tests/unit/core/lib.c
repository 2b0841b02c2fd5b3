// SPDX-License-Identifier: GPL-2.0-only
/* What the unit tests of the core share. */
#include "lib.h"
#include "../x86_emulate/ktap.h"
#include <stdarg.h>
#include <stdlib.h>

bool test_check(bool ok, const char *fmt, ...)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&lock);
	ktap_check(ok, "%s", text);
	pthread_mutex_unlock(&lock);
	return ok;
}

unsigned long long test_seed(void)
{
	const char *given = getenv("BERTH_SEED");
	unsigned long long seed = given ? strtoull(given, NULL, 0) : ktime_get() | 1;

	printf("# BERTH_SEED=%llu\n", seed);
	return seed;
}

u64 rnd(unsigned long long *state, u64 below)
{
	return (test_random(state) >> 16) % below;
}

int run_tests(const struct test *tests, unsigned int nr)
{
	const char *only = getenv("BERTH_TEST");
	unsigned int i;
	long before, after;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ktap_plan(only ? 1 : nr);
	HOST_BUG_ON(host_insmod());
	for (i = 0; i < nr; i++) {
		char name[96];

		if (only && strcmp(only, tests[i].name))
			continue;
		before = host_allocations();
		tests[i].func();
		after = host_allocations();
		ktap_check(after == before, "%ld allocations are left", after - before);
		ktap_check(!host_open_fds(), "%u file descriptors are left", host_open_fds());
		snprintf(name, sizeof(name), "%s (%s)", tests[i].name, VARIANT);
		ktap_end(name);
	}
	host_rmmod();
	return ktap_result();
}

long machine_slot(struct machine *m, u32 slot, u64 gpa, u64 npages, unsigned long hva, u32 flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa,
		.memory_size = npages * PAGE_SIZE, .userspace_addr = hva,
	};

	return HOST_IOCTL(m->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

void machine_vcpus(struct machine *m, unsigned int nr_vcpus)
{
	unsigned int i;

	m->nr_vcpus = nr_vcpus;
	for (i = 0; i < nr_vcpus; i++) {
		m->vcpu[i] = HOST_IOCTL(m->vm, KVM_CREATE_VCPU, i);
		HOST_BUG_ON(m->vcpu[i] < 0);
		m->run[i] = host_page(m->vcpu[i], 0);
		HOST_BUG_ON(!m->run[i]);
	}
}

void machine_make(struct machine *m, unsigned long type, unsigned int nr_vcpus)
{
	*m = (struct machine) { };
	m->kvm = host_open();
	HOST_BUG_ON(m->kvm < 0);
	m->vm = HOST_IOCTL(m->kvm, KVM_CREATE_VM, type);
	HOST_BUG_ON(m->vm < 0);
	m->ram = host_map(RAM_PAGES, VM_READ | VM_WRITE);
	HOST_BUG_ON(machine_slot(m, 0, 0, RAM_PAGES, m->ram, 0));
	machine_vcpus(m, nr_vcpus);
}

void machine_free(struct machine *m)
{
	unsigned int i;

	for (i = 0; i < m->nr_vcpus; i++) {
		host_unmap_page(m->run[i]);
		host_close(m->vcpu[i]);
	}
	host_close(m->vm);
	host_close(m->kvm);
	host_unmap(m->ram, RAM_PAGES);
}

u64 ram_read(struct machine *m, u64 gpa)
{
	return READ_ONCE(*(u64 *)host_user(m->ram + gpa));
}

void ram_write(struct machine *m, u64 gpa, u64 value)
{
	WRITE_ONCE(*(u64 *)host_user(m->ram + gpa), value);
}

void machine_load(struct machine *m, u64 gpa, const u64 *insns, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		ram_write(m, gpa + i * sizeof(u64), insns[i]);
}

void reg_set(struct machine *m, unsigned int vcpu, unsigned int reg, u64 value)
{
	struct kvm_one_reg one = { TOY_REG_ID(reg), (unsigned long)&value };

	HOST_BUG_ON(HOST_IOCTL(m->vcpu[vcpu], KVM_SET_ONE_REG, &one));
}

u64 reg_get(struct machine *m, unsigned int vcpu, unsigned int reg)
{
	u64 value;
	struct kvm_one_reg one = { TOY_REG_ID(reg), (unsigned long)&value };

	HOST_BUG_ON(HOST_IOCTL(m->vcpu[vcpu], KVM_GET_ONE_REG, &one));
	return value;
}

long run_vcpu(struct machine *m, unsigned int vcpu)
{
	long r = HOST_IOCTL(m->vcpu[vcpu], KVM_RUN, 0);

	return r ? r : READ_ONCE(m->run[vcpu]->exit_reason);
}

long run_at(struct machine *m, unsigned int vcpu, u64 pc)
{
	reg_set(m, vcpu, TOY_PC, pc);
	return run_vcpu(m, vcpu);
}

u64 stat_of(int fd, const char *name)
{
	int stats = HOST_IOCTL(fd, KVM_GET_STATS_FD, 0);
	size_t step = sizeof(struct kvm_stats_desc) + 48;
	struct kvm_stats_header header;
	loff_t pos = 0;
	u64 value = 0;
	unsigned int i;
	struct {
		struct kvm_stats_desc desc;
		char name[48];
	} desc;

	HOST_BUG_ON(stats < 0);
	HOST_BUG_ON(host_read(stats, &header, sizeof(header), &pos) != sizeof(header));
	for (i = 0; i < header.num_desc; i++) {
		pos = header.desc_offset + i * step;
		HOST_BUG_ON(host_read(stats, &desc, step, &pos) != (long)step);
		if (strcmp((char *)&desc + sizeof(desc.desc), name))
			continue;
		pos = header.data_offset + desc.desc.offset;
		HOST_BUG_ON(host_read(stats, &value, sizeof(value), &pos) != sizeof(value));
		break;
	}
	HOST_BUG_ON(i == header.num_desc);
	host_close(stats);
	return value;
}
