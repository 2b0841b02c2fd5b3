// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctl sequences on the toy machine: any ioctl on any file with any argument, guests with any
 * program, memory that moves below, allocations that fail. The sanitizers and the host layer judge.
 */
#include "core.h"

#define MAX_FDS		24
#define MAX_PAGES	8
#define RAM_PAGES	64UL

static struct session {
	int fd[MAX_FDS];
	unsigned int nr_fds;
	void *page[MAX_PAGES];		/* of mappings of vCPUs */
	unsigned int nr_pages;
	unsigned long ram, huge;
} s;

static const unsigned int cmds[] = {
	KVM_GET_API_VERSION, KVM_CREATE_VM, KVM_CHECK_EXTENSION, KVM_GET_VCPU_MMAP_SIZE,
	KVM_ENABLE_CAP, KVM_CREATE_VCPU, KVM_SET_USER_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION2,
	KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG, KVM_RESET_DIRTY_RINGS, KVM_IOEVENTFD,
	KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO, KVM_IRQFD, KVM_SET_GSI_ROUTING,
	KVM_SIGNAL_MSI, KVM_CREATE_DEVICE, KVM_GET_STATS_FD, KVM_CREATE_IRQCHIP, KVM_IRQ_LINE,
	KVM_IRQ_LINE_STATUS, TOY_SET_RESET, KVM_RUN, KVM_PRE_FAULT_MEMORY, KVM_SET_SIGNAL_MASK,
	KVM_GET_ONE_REG, KVM_SET_ONE_REG, KVM_GET_REG_LIST, TOY_GET_STATE, TOY_SET_STATE,
	KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_INTERRUPT, KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR,
	KVM_HAS_DEVICE_ATTR,
};

static int an_fd(struct input *in)
{
	return s.nr_fds ? s.fd[choose(in, s.nr_fds)] : -1;
}

static void keep(long fd)
{
	if (fd < 0)
		return;
	if (s.nr_fds < MAX_FDS)
		s.fd[s.nr_fds++] = fd;
	else
		host_close(fd);
}

static u64 an_address(struct input *in)
{
	switch (choose(in, 6)) {
	case 0:
		return s.ram + (choose(in, RAM_PAGES + 1) << PAGE_SHIFT);
	case 1:
		return s.huge + (choose(in, 4) << PAGE_SHIFT);
	case 2:
		return (u64)arena + choose(in, 256) * 256;
	case 3:
		return 0x40000000 + (choose(in, 256) << PAGE_SHIFT);
	case 4:
		return choose(in, 256) << PAGE_SHIFT;
	default:
		return TASK_SIZE - choose(in, 256);
	}
}

/* Words of an argument: numbers that mean something, or any. */
static void fill(struct input *in, char *to, unsigned int bytes)
{
	unsigned int at = 0, n;
	u64 v;

	while (at < bytes && more(in)) {
		n = 4;
		switch (choose(in, 12)) {
		case 0:
			v = 0;
			break;
		case 1:
			v = take(in, 1);
			break;
		case 2:
			v = an_fd(in);
			break;
		case 3:
			v = take(in, 4);
			break;
		case 4:
			v = ~0U;
			break;
		case 5:
			v = BIT(choose(in, 32));
			break;
		case 6:
			v = 0;
			n = 8;
			break;
		case 7:
			v = take(in, 8);
			n = 8;
			break;
		case 8:
			v = ~0ULL;
			n = 8;
			break;
		case 9:
			v = BIT(choose(in, 64));
			n = 8;
			break;
		case 10:
			v = choose(in, 64) << PAGE_SHIFT;
			n = 8;
			break;
		default:
			v = an_address(in);
			n = 8;
		}
		memcpy(to + at, &v, min(n, bytes - at));
		at += n;
	}
}

static void op_ioctl(struct input *in)
{
	unsigned int cmd = cmds[choose(in, ARRAY_SIZE(cmds))], size = _IOC_SIZE(cmd);
	struct kvm_create_device create;
	unsigned long arg;
	int fd = an_fd(in);
	long r;

	switch (choose(in, 8)) {
	case 0:
		arg = choose(in, 16);
		break;
	case 1:
		arg = take(in, 8);
		break;
	case 2:
		arg = an_address(in);
		break;
	case 3:
		/* At the end of what can be reached. */
		arg = (unsigned long)arena + ARENA - size;
		fill(in, (char *)arg, size);
		break;
	default:
		arg = (unsigned long)arena;
		/* And an array behind it. */
		fill(in, arena, size + 8 * choose(in, 64));
	}
	if (choose(in, 8) == 7)
		cmd ^= BIT(choose(in, 32));
	if (choose(in, 4) == 3)
		host_fail_nth(1 + choose(in, 8));
	fuzz_steps = 100;
	r = host_ioctl(fd, cmd, arg);
	host_unkill(current, SIGKILL);
	host_fail_nth(0);
	if (cmd == KVM_CREATE_VM || cmd == KVM_CREATE_VCPU || cmd == KVM_GET_STATS_FD)
		keep(r);
	if (cmd == KVM_CREATE_DEVICE && !r &&
	    !copy_from_user(&create, (void *)arg, sizeof(create)) &&
	    !(create.flags & KVM_CREATE_DEVICE_TEST))
		keep(create.fd);
}

/* What most sequences begin with. */
static void op_machine(struct input *in)
{
	int kvm = host_open(), vm = HOST_IOCTL(kvm, KVM_CREATE_VM, choose(in, TOY_NR_TYPES));
	unsigned int what = choose(in, 64);
	struct kvm_userspace_memory_region ram = {
		.memory_size = RAM_PAGES * PAGE_SIZE, .userspace_addr = s.ram,
		.flags = what & 1 ? KVM_MEM_LOG_DIRTY_PAGES : 0,
	};
	struct kvm_userspace_memory_region huge = {
		.slot = 1, .guest_phys_addr = 0x40000000,
		.memory_size = HOST_HUGE_PAGES * PAGE_SIZE, .userspace_addr = s.huge,
	};

	keep(vm);
	if (what & 8) {
		struct kvm_enable_cap *cap = (void *)arena;

		*cap = (struct kvm_enable_cap){
			.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL,
			.args = { PAGE_SIZE << choose(in, 3) },
		};
		HOST_IOCTL(vm, KVM_ENABLE_CAP, arena);
	}
	if (what & 2)
		HOST_IOCTL(vm, KVM_CREATE_IRQCHIP, 0);
	memcpy(arena, &ram, sizeof(ram));
	HOST_IOCTL(vm, KVM_SET_USER_MEMORY_REGION, arena);
	memcpy(arena, &huge, sizeof(huge));
	HOST_IOCTL(vm, KVM_SET_USER_MEMORY_REGION, arena);
	keep(HOST_IOCTL(vm, KVM_CREATE_VCPU, 0));
	if (what & 4)
		keep(HOST_IOCTL(vm, KVM_CREATE_VCPU, 1 + choose(in, TOY_MAX_VCPU_ID)));
	if (what & 16)
		keep(kvm);
	else
		host_close(kvm);
}

static void op_program(struct input *in)
{
	unsigned int n = choose(in, 32);
	u64 *to = (u64 *)(s.ram + choose(in, 4) * 64), insn;

	for (; n && more(in); n--, to++) {
		int imm = (short)take(in, 2);

		switch (choose(in, 4)) {
		case 0:
			imm *= 4096;
			break;
		case 1:
			imm = 0x40000000 + imm * 8;
			break;
		case 2:
			imm *= 8;
			break;
		}
		insn = TOY_INSN(choose(in, TOY_NR_OPS + 1), choose(in, 17), choose(in, 16),
				1 << choose(in, 4), imm);
		copy_to_user(to, &insn, sizeof(insn));
	}
}

static void op_memory(struct input *in)
{
	unsigned long page = s.ram + (choose(in, RAM_PAGES) << PAGE_SHIFT);
	char byte;

	switch (choose(in, 7)) {
	case 0:
		host_zap(page, 1);
		break;
	case 1:
		host_write_protect(page, 1 + choose(in, 4));
		break;
	case 2:
		copy_from_user(&byte, (void *)page, 1);
		host_migrate(page);
		break;
	case 3:
		host_make_huge(s.huge);
		break;
	case 4:
		host_zap(s.huge + (choose(in, 256) << PAGE_SHIFT), 1 + choose(in, 32));
		break;
	case 5:
		host_age(choose(in, 2) ? page : s.huge, 1, choose(in, 3));
		break;
	default:
		if (host_user_page(page))
			host_poison(page);
	}
}

/* What user space writes into kvm_run and the rings. */
static void op_page(struct input *in)
{
	static const unsigned int pages[] = { 0, 0, TOY_PIO_PAGE, TOY_RING_PAGE, TOY_RING_PAGE,
					      TOY_DIRTY_RING_PAGE, TOY_DIRTY_RING_PAGE + 1, 3 };
	unsigned int n;
	char *p;

	if (choose(in, 2) && s.nr_pages < MAX_PAGES) {
		p = host_page(an_fd(in), pages[choose(in, ARRAY_SIZE(pages))]);
		if (p)
			s.page[s.nr_pages++] = p;
	}
	if (!s.nr_pages)
		return;
	p = s.page[choose(in, s.nr_pages)];
	p += choose(in, 2) ? choose(in, 256) * 16 : choose(in, 8) * 4;
	for (n = choose(in, 17); n; n--)
		*p++ = take(in, 1);
}

static void op_file(struct input *in)
{
	unsigned int i;
	loff_t pos;

	switch (choose(in, 5)) {
	case 0:
		keep(host_eventfd(choose(in, 2)));
		break;
	case 1:
		if (!s.nr_fds)
			break;
		i = choose(in, s.nr_fds);
		host_close(s.fd[i]);
		s.fd[i] = s.fd[--s.nr_fds];
		break;
	case 2:
		host_eventfd_write(an_fd(in));
		break;
	case 3:
		pos = take(in, 2);
		host_read(an_fd(in), (void *)an_address(in), take(in, 2), &pos);
		break;
	default:
		host_mmap_flags(an_fd(in), take(in, 1), 1 + choose(in, 70), take(in, 1));
	}
}

void fuzz_one(struct input *in)
{
	static void (*const ops[])(struct input *in) = {
		op_ioctl, op_ioctl, op_ioctl, op_program, op_memory, op_page, op_file, op_machine,
	};
	unsigned int n = 0;

	memset(&s, 0, sizeof(s));
	s.ram = host_map(RAM_PAGES, VM_READ | VM_WRITE);
	s.huge = host_map(HOST_HUGE_PAGES, VM_READ | VM_WRITE);
	op_machine(in);
	while (more(in) && n++ < 64) {
		if (choose(in, 4) == 0 && s.nr_fds)
			fuzz_run(an_fd(in), 200);
		else
			ops[choose(in, ARRAY_SIZE(ops))](in);
	}
	while (s.nr_fds)
		host_close(s.fd[--s.nr_fds]);
	while (s.nr_pages)
		host_unmap_page(s.page[--s.nr_pages]);
}
