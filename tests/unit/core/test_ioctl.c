// SPDX-License-Identifier: GPL-2.0-only
/* The dispatcher: numbers, scopes, sizes, preconditions, capabilities; and the layout of statistics. */
#include "lib.h"

/* Every ioctl of the core and the toy machine, with where it belongs. */
static const struct {
	unsigned int cmd;
	enum berth_scope scope;
	bool value;			/* its argument is no pointer */
} ioctls[] = {
	{ KVM_GET_API_VERSION, BERTH_SCOPE_SYSTEM, true },
	{ KVM_GET_VCPU_MMAP_SIZE, BERTH_SCOPE_SYSTEM, true },
	{ KVM_ENABLE_CAP, BERTH_SCOPE_VM },
	{ KVM_SET_USER_MEMORY_REGION, BERTH_SCOPE_VM },
	{ KVM_SET_USER_MEMORY_REGION2, BERTH_SCOPE_VM },
	{ KVM_GET_DIRTY_LOG, BERTH_SCOPE_VM },
	{ KVM_CLEAR_DIRTY_LOG, BERTH_SCOPE_VM },
	{ KVM_IOEVENTFD, BERTH_SCOPE_VM },
	{ KVM_REGISTER_COALESCED_MMIO, BERTH_SCOPE_VM },
	{ KVM_UNREGISTER_COALESCED_MMIO, BERTH_SCOPE_VM },
	{ KVM_IRQFD, BERTH_SCOPE_VM },
	{ KVM_SET_GSI_ROUTING, BERTH_SCOPE_VM },
	{ KVM_SIGNAL_MSI, BERTH_SCOPE_VM },
	{ KVM_CREATE_DEVICE, BERTH_SCOPE_VM },
	{ KVM_RESET_DIRTY_RINGS, BERTH_SCOPE_VM, true },
	{ KVM_IRQ_LINE, BERTH_SCOPE_VM },
	{ KVM_IRQ_LINE_STATUS, BERTH_SCOPE_VM },
	{ KVM_RUN, BERTH_SCOPE_VCPU, true },
	{ KVM_ENABLE_CAP, BERTH_SCOPE_VCPU },
	{ KVM_PRE_FAULT_MEMORY, BERTH_SCOPE_VCPU },
	{ KVM_SET_SIGNAL_MASK, BERTH_SCOPE_VCPU, true },
	{ KVM_GET_ONE_REG, BERTH_SCOPE_VCPU },
	{ KVM_SET_ONE_REG, BERTH_SCOPE_VCPU },
	{ KVM_GET_REG_LIST, BERTH_SCOPE_VCPU },
	{ KVM_GET_MP_STATE, BERTH_SCOPE_VCPU },
	{ KVM_SET_MP_STATE, BERTH_SCOPE_VCPU },
	{ KVM_INTERRUPT, BERTH_SCOPE_VCPU },
	{ TOY_GET_STATE, BERTH_SCOPE_VCPU },
	{ TOY_SET_STATE, BERTH_SCOPE_VCPU },
	{ KVM_SET_DEVICE_ATTR, BERTH_SCOPE_DEVICE },
	{ KVM_GET_DEVICE_ATTR, BERTH_SCOPE_DEVICE },
	{ KVM_HAS_DEVICE_ATTR, BERTH_SCOPE_DEVICE },
};

static const long unknown[BERTH_NR_SCOPES] = {
	[BERTH_SCOPE_SYSTEM] = -EINVAL, [BERTH_SCOPE_VM] = -ENOTTY,
	[BERTH_SCOPE_VCPU] = -EINVAL, [BERTH_SCOPE_DEVICE] = -ENOTTY,
};

static bool belongs(unsigned int cmd, enum berth_scope scope)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++)
		if (ioctls[i].cmd == cmd && ioctls[i].scope == scope)
			return true;
	return false;
}

static int make_device(struct machine *m)
{
	struct kvm_create_device create = { .type = TOY_DEVICE };

	HOST_BUG_ON(HOST_IOCTL(m->vm, KVM_CREATE_DEVICE, &create));
	return create.fd;
}

static void numbers_are_known_where_they_belong(void)
{
	static char page[2 * PAGE_SIZE] __attribute__((aligned(4096)));
	int fd[BERTH_NR_SCOPES];
	struct machine m;
	unsigned int i, scope, cmd;

	machine_make(&m, TOY_PLAIN, 1);
	fd[BERTH_SCOPE_SYSTEM] = m.kvm;
	fd[BERTH_SCOPE_VM] = m.vm;
	fd[BERTH_SCOPE_VCPU] = m.vcpu[0];
	fd[BERTH_SCOPE_DEVICE] = make_device(&m);
	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		cmd = ioctls[i].cmd;
		for (scope = 0; scope < BERTH_NR_SCOPES; scope++) {
			long r;

			if (belongs(cmd, scope))
				continue;
			r = HOST_IOCTL(fd[scope], cmd, page);
			test_check(r == unknown[scope], "ioctl 0x%x on scope %u: %ld", cmd, scope, r);
		}
		scope = ioctls[i].scope;
		/* Another size or direction is another ioctl. */
		CHECK_EQ(HOST_IOCTL(fd[scope], cmd + (8 << _IOC_SIZESHIFT), page), unknown[scope]);
		if (ioctls[i].value)
			continue;
		test_check(HOST_IOCTL(fd[scope], cmd, 0) == -EFAULT, "ioctl 0x%x of NULL", cmd);
		if (_IOC_DIR(cmd) & _IOC_WRITE)
			test_check(HOST_IOCTL(fd[scope], cmd, TASK_SIZE - 1) == -EFAULT,
				   "ioctl 0x%x at the end", cmd);
	}
	CHECK_EQ(host_ioctl(m.vcpu[0], 0x5401, 0), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.kvm, KVM_GET_API_VERSION, 1), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_VCPU, 0), -EEXIST);
	host_close(fd[BERTH_SCOPE_DEVICE]);
	machine_free(&m);
}

static void capabilities_are_rows(void)
{
	static const struct { u32 cap; long value; } caps[] = {
		{ KVM_CAP_USER_MEMORY, 1 }, { KVM_CAP_NR_MEMSLOTS, BERTH_USER_SLOTS },
		{ KVM_CAP_NR_VCPUS, TOY_MAX_VCPUS }, { KVM_CAP_MAX_VCPUS, TOY_MAX_VCPUS },
		{ KVM_CAP_MAX_VCPU_ID, TOY_MAX_VCPU_ID }, { KVM_CAP_COALESCED_MMIO, TOY_RING_PAGE },
		{ KVM_CAP_COALESCED_PIO, 1 }, { KVM_CAP_IRQFD, 1 }, { KVM_CAP_SIGNAL_MSI, 1 },
		{ KVM_CAP_IRQ_ROUTING, BERTH_MAX_ROUTES }, { KVM_CAP_ONE_REG, 1 }, { 1000000, 0 },
	};
	struct kvm_enable_cap cap = { .cap = 1000000 };
	struct machine m;
	unsigned int i;

	machine_make(&m, TOY_PLAIN, 1);
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		CHECK_EQ(HOST_IOCTL(m.kvm, KVM_CHECK_EXTENSION, caps[i].cap), caps[i].value);
		CHECK_EQ(HOST_IOCTL(m.vm, KVM_CHECK_EXTENSION, caps[i].cap), caps[i].value);
	}
	CHECK_EQ(HOST_IOCTL(m.kvm, KVM_CHECK_EXTENSION, 1UL << 32 | KVM_CAP_USER_MEMORY), 0);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CHECK_EXTENSION, 1UL << 32 | KVM_CAP_USER_MEMORY), 0);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.cap = KVM_CAP_USER_MEMORY;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.cap = KVM_CAP_HALT_POLL;
	cap.flags = 1;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap = (struct kvm_enable_cap) { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 4 } };
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_ENABLE_CAP, &cap), -EINVAL);
	machine_free(&m);
}

static void registers_go_in_and_out(void)
{
	struct { struct kvm_reg_list head; u64 id[TOY_NR_REGS]; } list = { };
	struct kvm_mp_state mp;
	struct kvm_one_reg one = { .id = TOY_REG_ID(TOY_NR_REGS) };
	struct kvm_interrupt interrupt = { .irq = 64 };
	struct toy_state state;
	struct machine m;
	u64 reset = 0x3000;
	unsigned int i;

	machine_make(&m, TOY_PLAIN, 0);
	CHECK_EQ(HOST_IOCTL(m.vm, TOY_SET_RESET, &reset), 0);
	m.vcpu[0] = HOST_IOCTL(m.vm, KVM_CREATE_VCPU, 0);
	m.run[0] = host_page(m.vcpu[0], 0);
	m.nr_vcpus = 1;
	CHECK_EQ(HOST_IOCTL(m.vm, TOY_SET_RESET, &reset), -EINVAL);
	CHECK_EQ(reg_get(&m, 0, TOY_PC), 0x3000);
	memset(&state, 0xff, sizeof(state));
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], TOY_GET_STATE, &state), 0);
	CHECK_EQ(state.reg[TOY_PC], 0x3000);
	for (i = TOY_NR_REGS; i < 64; i++)
		CHECK_EQ(state.reg[i], 0);
	state.reg[3] = 33;
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], TOY_SET_STATE, &state), 0);
	CHECK_EQ(reg_get(&m, 0, 3), 33);
	state.reg[63] = 1;
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], TOY_SET_STATE, &state), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_GET_ONE_REG, &one), -ENOENT);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_ONE_REG, &one), -ENOENT);
	one.id = TOY_REG_ID(0);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_GET_ONE_REG, &one), -EFAULT);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_ONE_REG, &one), -EFAULT);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_GET_REG_LIST, &list), -E2BIG);
	CHECK_EQ(list.head.n, TOY_NR_REGS);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_GET_REG_LIST, &list), 0);
	CHECK_EQ(list.id[1], TOY_REG_ID(1));
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_GET_MP_STATE, &mp), 0);
	CHECK_EQ(mp.mp_state, KVM_MP_STATE_RUNNABLE);
	mp.mp_state = 77;
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_SET_MP_STATE, &mp), -EINVAL);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_INTERRUPT, &interrupt), -EINVAL);
	machine_free(&m);
}

static void statistics_are_read_in_any_piece(void)
{
	char whole[8192], pieces[8192];
	struct kvm_stats_header header;
	long size, n, at;
	struct machine m;
	loff_t pos = 0;
	int fd;

	machine_make(&m, TOY_PLAIN, 1);
	fd = HOST_IOCTL(m.vm, KVM_GET_STATS_FD, 0);
	size = host_read(fd, whole, sizeof(whole), &pos);
	CHECK_EQ(pos, size);
	CHECK_EQ(host_read(fd, whole, sizeof(whole), &pos), 0);
	memcpy(&header, whole, sizeof(header));
	CHECK_EQ(header.id_offset, sizeof(header));
	CHECK_EQ(size, header.data_offset + header.num_desc * 8);
	CHECK(!strncmp(whole + header.id_offset, "kvm-", 4));
	for (n = 1; n < 100; n += 13) {
		for (pos = at = 0; at < size; at = pos)
			CHECK(host_read(fd, pieces + at, n, &pos) > 0);
		CHECK(!memcmp(whole, pieces, size));
	}
	pos = 0;
	CHECK_EQ(host_read(fd, NULL, 16, &pos), -EFAULT);
	CHECK_EQ(HOST_IOCTL(fd, KVM_RUN, 0), -ENOTTY);
	host_close(fd);
	machine_free(&m);
}

static const struct test tests[] = {
	TEST(numbers_are_known_where_they_belong),
	TEST(capabilities_are_rows),
	TEST(registers_go_in_and_out),
	TEST(statistics_are_read_in_any_piece),
};

int main(void)
{
	return RUN_TESTS(tests);
}
