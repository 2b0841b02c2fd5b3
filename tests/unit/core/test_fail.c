// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions in which every ioctl there is is done, and in each every allocation fails once, then every
 * copy from and to user space: it says so, and all is as it was before.
 */
#include "lib.h"

#define OTHER	0x40000000UL
#define MMIO	0x30000000UL

struct session {
	struct machine m;
	int eventfd, resample, device, vm_stats, vcpu_stats, vcpu;
	unsigned long more, huge, log[RAM_PAGES / 64];
};

static long slot(struct session *s, u32 id, u64 gpa, u64 npages, unsigned long hva, u32 flags)
{
	return machine_slot(&s->m, id, gpa, npages, hva, flags);
}

/* Each does one thing and says how it went; after a failure it is done again. */
#define STEP(name)	static long step_##name(struct session *s)

STEP(version) { return HOST_IOCTL(s->m.kvm, KVM_GET_API_VERSION, 0); }
STEP(size) { return HOST_IOCTL(s->m.kvm, KVM_GET_VCPU_MMAP_SIZE, 0); }
STEP(extension) { return HOST_IOCTL(s->m.kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS); }
STEP(plain_vm) { return s->m.vm = HOST_IOCTL(s->m.kvm, KVM_CREATE_VM, TOY_PLAIN); }
STEP(strict_vm) { return s->m.vm = HOST_IOCTL(s->m.kvm, KVM_CREATE_VM, TOY_STRICT); }
STEP(vm_extension) { return HOST_IOCTL(s->m.vm, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY); }
STEP(irqchip) { return HOST_IOCTL(s->m.vm, KVM_CREATE_IRQCHIP, 0); }

STEP(reset)
{
	u64 pc = 0;

	return HOST_IOCTL(s->m.vm, TOY_SET_RESET, &pc);
}

STEP(manual_log)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = { KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE },
	};

	return HOST_IOCTL(s->m.vm, KVM_ENABLE_CAP, &cap);
}

STEP(dirty_ring)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { PAGE_SIZE },
	};

	return HOST_IOCTL(s->m.vm, KVM_ENABLE_CAP, &cap);
}

/* KVM_SET_USER_MEMORY_REGION: see machine_slot(). */
STEP(slot) { return slot(s, 0, 0, RAM_PAGES, s->m.ram, 0); }
STEP(log) { return slot(s, 0, 0, RAM_PAGES, s->m.ram, KVM_MEM_LOG_DIRTY_PAGES); }
STEP(unlog) { return slot(s, 0, 0, RAM_PAGES, s->m.ram, 0); }
STEP(second_slot) { return slot(s, 7, OTHER, 16, s->more, KVM_MEM_LOG_DIRTY_PAGES); }
STEP(move) { return slot(s, 7, 2 * OTHER, 16, s->more, KVM_MEM_LOG_DIRTY_PAGES); }
STEP(delete) { return slot(s, 7, 0, 0, 0, 0); }
STEP(huge_slot) { return slot(s, 8, OTHER, HOST_HUGE_PAGES, s->huge, 0); }
STEP(log_huge) { return slot(s, 8, OTHER, HOST_HUGE_PAGES, s->huge, KVM_MEM_LOG_DIRTY_PAGES); }

STEP(slot2)
{
	struct kvm_userspace_memory_region2 mem = {
		.slot = 9, .guest_phys_addr = 3 * OTHER, .memory_size = PAGE_SIZE,
		.userspace_addr = s->more,
	};

	return HOST_IOCTL(s->m.vm, KVM_SET_USER_MEMORY_REGION2, &mem);
}

STEP(get_log)
{
	struct kvm_dirty_log log = { .dirty_bitmap = s->log };

	return HOST_IOCTL(s->m.vm, KVM_GET_DIRTY_LOG, &log);
}

STEP(clear_log)
{
	struct kvm_clear_dirty_log log = { .num_pages = RAM_PAGES, .dirty_bitmap = s->log };

	return HOST_IOCTL(s->m.vm, KVM_CLEAR_DIRTY_LOG, &log);
}

STEP(reset_rings) { return HOST_IOCTL(s->m.vm, KVM_RESET_DIRTY_RINGS, 0); }
STEP(vcpu) { return s->m.vcpu[0] = HOST_IOCTL(s->m.vm, KVM_CREATE_VCPU, 0); }
STEP(second_vcpu) { return s->vcpu = HOST_IOCTL(s->m.vm, KVM_CREATE_VCPU, 9); }

STEP(run)
{
	s->m.run[0] = s->m.run[0] ?: host_page(s->m.vcpu[0], 0);
	return HOST_IOCTL(s->m.vcpu[0], KVM_RUN, 0);
}

STEP(pre_fault)
{
	struct kvm_pre_fault_memory args = { .gpa = OTHER, .size = PAGE_SIZE };

	return HOST_IOCTL(s->m.vcpu[0], KVM_PRE_FAULT_MEMORY, &args);
}

STEP(no_poll)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HALT_POLL };

	return HOST_IOCTL(s->m.vcpu[0], KVM_ENABLE_CAP, &cap);
}

STEP(mask)
{
	struct { struct kvm_signal_mask head; u8 set[8]; } mask = { .head.len = 8 };

	return HOST_IOCTL(s->m.vcpu[0], KVM_SET_SIGNAL_MASK, &mask);
}

STEP(get_reg)
{
	u64 value;
	struct kvm_one_reg one = { TOY_REG_ID(1), (unsigned long)&value };

	return HOST_IOCTL(s->m.vcpu[0], KVM_GET_ONE_REG, &one);
}

STEP(set_reg)
{
	u64 value = 3;
	struct kvm_one_reg one = { TOY_REG_ID(9), (unsigned long)&value };

	return HOST_IOCTL(s->m.vcpu[0], KVM_SET_ONE_REG, &one);
}

STEP(reg_list)
{
	struct { struct kvm_reg_list head; u64 id[TOY_NR_REGS]; } list = { .head.n = TOY_NR_REGS };

	return HOST_IOCTL(s->m.vcpu[0], KVM_GET_REG_LIST, &list);
}

STEP(state)
{
	struct toy_state state;
	long r = HOST_IOCTL(s->m.vcpu[0], TOY_GET_STATE, &state);

	return r ? r : HOST_IOCTL(s->m.vcpu[0], TOY_SET_STATE, &state);
}

STEP(mp_state)
{
	struct kvm_mp_state mp;
	long r = HOST_IOCTL(s->m.vcpu[0], KVM_GET_MP_STATE, &mp);

	return r ? r : HOST_IOCTL(s->m.vcpu[0], KVM_SET_MP_STATE, &mp);
}

STEP(interrupt)
{
	struct kvm_interrupt args = { .irq = 3 };

	return HOST_IOCTL(s->m.vcpu[0], KVM_INTERRUPT, &args);
}

STEP(device)
{
	struct kvm_create_device create = { .type = TOY_DEVICE };
	long r = HOST_IOCTL(s->m.vm, KVM_CREATE_DEVICE, &create);

	s->device = r ? -1 : (int)create.fd;
	return r;
}

static long device_attr(struct session *s, unsigned int cmd, u32 group)
{
	u64 value = 2 * MMIO;
	struct kvm_device_attr attr = { .group = group, .addr = (unsigned long)&value };

	return HOST_IOCTL(s->device, cmd, &attr);
}

STEP(device_has) { return device_attr(s, KVM_HAS_DEVICE_ATTR, TOY_DEVICE_VALUE); }
STEP(device_get) { return device_attr(s, KVM_GET_DEVICE_ATTR, TOY_DEVICE_VALUE); }
STEP(device_address) { return device_attr(s, KVM_SET_DEVICE_ATTR, TOY_DEVICE_ADDRESS); }

static long ioeventfd(struct session *s, u32 flags)
{
	struct kvm_ioeventfd args = { .fd = s->eventfd, .addr = MMIO, .len = 4, .flags = flags };

	return HOST_IOCTL(s->m.vm, KVM_IOEVENTFD, &args);
}

STEP(ioeventfd) { return ioeventfd(s, 0); }
STEP(pio_eventfd) { return ioeventfd(s, KVM_IOEVENTFD_FLAG_PIO); }
STEP(no_ioeventfd) { return ioeventfd(s, KVM_IOEVENTFD_FLAG_DEASSIGN); }

static long zone(struct session *s, unsigned int cmd, u32 pio)
{
	struct kvm_coalesced_mmio_zone args = { .addr = MMIO + 64, .size = 8, .pio = pio };

	return HOST_IOCTL(s->m.vm, cmd, &args);
}

STEP(zone) { return zone(s, KVM_REGISTER_COALESCED_MMIO, 0); }
STEP(pio_zone) { return zone(s, KVM_REGISTER_COALESCED_MMIO, 1); }
STEP(no_zone) { return zone(s, KVM_UNREGISTER_COALESCED_MMIO, 0); }

static long irqfd(struct session *s, int fd, u32 flags)
{
	struct kvm_irqfd args = {
		.fd = fd, .gsi = 40, .flags = flags, .resamplefd = s->resample,
	};

	return HOST_IOCTL(s->m.vm, KVM_IRQFD, &args);
}

STEP(irqfd) { return irqfd(s, s->eventfd, 0); }
STEP(no_irqfd) { return irqfd(s, s->eventfd, KVM_IRQFD_FLAG_DEASSIGN); }
STEP(resample) { return irqfd(s, s->eventfd, KVM_IRQFD_FLAG_RESAMPLE); }

STEP(routes)
{
	struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry entry; } args = {
		.head.nr = 1, .entry = { .gsi = 1, .type = KVM_IRQ_ROUTING_IRQCHIP },
	};

	return HOST_IOCTL(s->m.vm, KVM_SET_GSI_ROUTING, &args);
}

STEP(msi)
{
	struct kvm_msi msi = { .data = 5 };

	return HOST_IOCTL(s->m.vm, KVM_SIGNAL_MSI, &msi);
}

STEP(line)
{
	struct kvm_irq_level level = { .irq = 1 };

	return HOST_IOCTL(s->m.vm, KVM_IRQ_LINE, &level);
}

STEP(line_status)
{
	struct kvm_irq_level level = { .irq = 1 };

	return HOST_IOCTL(s->m.vm, KVM_IRQ_LINE_STATUS, &level);
}

STEP(vm_stats) { return s->vm_stats = HOST_IOCTL(s->m.vm, KVM_GET_STATS_FD, 0); }
STEP(vcpu_stats) { return s->vcpu_stats = HOST_IOCTL(s->m.vcpu[0], KVM_GET_STATS_FD, 0); }

/* What the VM is made of, as far as an ioctl that fails must leave it. */
struct snapshot {
	long allocations;
	unsigned int fds;
	u64 generation, slot_pages;
	unsigned int created_vcpus, dirty_ring_size;
	u32 manual;
	int online_vcpus;
	void *bus[BERTH_NR_BUSES], *routes, *slots;
	struct list_head *lists[5];
};

static struct snapshot look(struct session *s)
{
	struct snapshot now;
	struct file *file = s->m.vm > 0 ? fget(s->m.vm) : NULL;
	struct berth_vm *vm;

	memset(&now, 0, sizeof(now));
	now.allocations = host_allocations();
	now.fds = host_open_fds();
	if (!file)
		return now;
	vm = file->private_data;
	now.generation = berth_slots_generation(vm);
	now.slot_pages = vm->slot_pages;
	now.created_vcpus = vm->created_vcpus;
	now.dirty_ring_size = vm->dirty_ring_size;
	now.manual = vm->manual_dirty_protect;
	now.online_vcpus = atomic_read(&vm->online_vcpus);
	now.bus[0] = vm->bus[0];
	now.bus[1] = vm->bus[1];
	now.routes = vm->routes;
	now.slots = vm->slots;
	now.lists[0] = vm->ioeventfds.prev;
	now.lists[1] = vm->coalesced_zones.prev;
	now.lists[2] = vm->resamplers.next;
	now.lists[3] = vm->irqfds.prev;
	now.lists[4] = vm->devices.prev;
	fput(file);
	return now;
}

/*
 * FREE: it may keep what it set aside, or have done a part of the work, when it fails.  LATE: what it
 * did stays when its answer cannot be copied out, as with KVM.  BEST: it may do without memory.
 */
enum { FREE = 1, LATE = 2, BEST = 4 };

struct step {
	const char *name;
	long (*func)(struct session *s);
	unsigned int flags;
};

#define S(name)		{ #name, step_##name, 0 }
#define S_(name, fl)	{ #name, step_##name, fl }

static const struct step bitmaps[] = {
	S(version), S(size), S(extension), S(plain_vm), S(vm_extension), S(reset), S(irqchip),
	S(slot), S(slot2), S(vcpu), S(second_vcpu), S_(run, FREE), S_(log, BEST),
	S_(run, FREE), S_(get_log, LATE), S(unlog), S(second_slot), S(move), S(delete),
	S(huge_slot), S_(pre_fault, FREE), S_(log_huge, BEST), S(manual_log), S_(log, BEST),
	S_(run, FREE), S(get_log), S_(clear_log, FREE), S(no_poll), S(mask), S(get_reg),
	S(set_reg), S(reg_list), S(state), S(mp_state), S(interrupt), S_(device, LATE),
	S(device_has), S(device_get), S(device_address), S(ioeventfd), S(pio_eventfd), S(zone),
	S(pio_zone), S(no_ioeventfd), S(no_zone), S(irqfd), S(no_irqfd), S(resample),
	S(routes), S(msi), S(line), S_(line_status, LATE), S(vm_stats), S(vcpu_stats),
	S_(run, FREE),
};

static const struct step rings[] = {
	S(strict_vm), S(dirty_ring), S(log), S(vcpu), S(second_vcpu), S_(run, FREE), S(reset_rings),
	S(huge_slot), S_(pre_fault, FREE), S_(log_huge, BEST), S_(run, FREE), S(reset_rings),
};

/* One kind of failure in a step, for each n.  How many there were. */
static unsigned int fail_step(struct session *s, const struct step *step,
			      void (*fail)(unsigned int n), long error)
{
	unsigned int n;
	long r;

	for (n = 1; n < 200; n++) {
		struct snapshot before = look(s), after;
		bool failed;

		fail(n);
		r = step->func(s);
		failed = host_failed();
		fail(0);
		/* It came to no failure: done. */
		if (!failed)
			break;
		after = look(s);
		if (r >= 0 && (step->flags & FREE))
			continue;
		if (r >= 0 && (step->flags & BEST))
			break;
		test_check(r == error, "%s: %ld when number %u fails", step->name, r, n);
		if ((step->flags & FREE) || (error == -EFAULT && (step->flags & LATE)))
			continue;
		test_check(!memcmp(&before, &after, sizeof(before)),
			   "%s: number %u fails; %ld allocations, %d descriptors or others are left",
			   step->name, n, after.allocations - before.allocations,
			   (int)(after.fds - before.fds));
	}
	test_check(r >= 0, "%s: %ld", step->name, r);
	return n - 1;
}

/* A session, with one kind of failure.  How many there were. */
static unsigned int fail_all(const struct step *steps, unsigned int nr, void (*fail)(unsigned int n),
			     long error)
{
	struct session s = { .device = -1, .vm_stats = -1, .vcpu_stats = -1 };
	unsigned int i, failures = 0;

	s.m.kvm = host_open();
	s.m.ram = host_map(RAM_PAGES, VM_READ | VM_WRITE);
	s.more = host_map(16, VM_READ | VM_WRITE);
	s.huge = host_map(HOST_HUGE_PAGES, VM_READ | VM_WRITE);
	s.eventfd = host_eventfd(0);
	s.resample = host_eventfd(0);
	for (i = 0; i < RAM_PAGES; i++)
		host_user(s.m.ram + i * PAGE_SIZE);
	host_make_huge(s.huge);
	PROGRAM(&s.m, 0, I_SET(1, 5), I_STORE(1, 0, 8, 0x4000), I_STORE(1, 0, 8, 0x40000), I_CALL(16),
		I_BNE(0, 1, -3));
	for (i = 0; i < nr; i++)
		failures += fail_step(&s, &steps[i], fail, error);
	if (s.m.run[0])
		host_unmap_page(s.m.run[0]);
	/* Every number there is: the device that could not say its own has one, too. */
	for (i = 3; i < host_fd_limit; i++)
		host_close(i);
	host_unmap(s.m.ram, RAM_PAGES);
	host_unmap(s.more, 16);
	host_unmap(s.huge, HOST_HUGE_PAGES);
	return failures;
}

static void every_allocation_fails_once(void)
{
	CHECK(fail_all(bitmaps, ARRAY_SIZE(bitmaps), host_fail_nth, -ENOMEM) > 60);
	CHECK(fail_all(rings, ARRAY_SIZE(rings), host_fail_nth, -ENOMEM) > 20);
}

static void every_user_copy_fails_once(void)
{
	CHECK(fail_all(bitmaps, ARRAY_SIZE(bitmaps), host_fail_copy, -EFAULT) > 40);
	CHECK(fail_all(rings, ARRAY_SIZE(rings), host_fail_copy, -EFAULT) > 3);
}

static const struct test tests[] = {
	TEST(every_allocation_fails_once),
	TEST(every_user_copy_fails_once),
};

int main(void)
{
	return RUN_TESTS(tests);
}
