// SPDX-License-Identifier: GPL-2.0-only
/* Lives: the module's, and those of VMs, vCPUs, devices and statistics, whose files close in any order. */
#include "lib.h"

enum { KVM, VM, VCPU, DEVICE, VM_STATS, VCPU_STATS, NR_FDS };

static void open_all(int fd[NR_FDS])
{
	struct kvm_create_device create = { .type = TOY_DEVICE };

	fd[KVM] = host_open();
	fd[VM] = HOST_IOCTL(fd[KVM], KVM_CREATE_VM, 0);
	fd[VCPU] = HOST_IOCTL(fd[VM], KVM_CREATE_VCPU, 3);
	HOST_BUG_ON(HOST_IOCTL(fd[VM], KVM_CREATE_DEVICE, &create));
	fd[DEVICE] = create.fd;
	fd[VM_STATS] = HOST_IOCTL(fd[VM], KVM_GET_STATS_FD, 0);
	fd[VCPU_STATS] = HOST_IOCTL(fd[VCPU], KVM_GET_STATS_FD, 0);
}

/* What is still open answers. */
static void use(int which, int fd)
{
	struct kvm_stats_header header;
	struct kvm_device_attr attr = { };
	loff_t pos = 0;
	u64 value;

	attr.addr = (unsigned long)&value;
	switch (which) {
	case KVM:
		CHECK_EQ(HOST_IOCTL(fd, KVM_GET_API_VERSION, 0), 12);
		break;
	case VM:
		CHECK_EQ(HOST_IOCTL(fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY), 1);
		break;
	case VCPU:
		CHECK_EQ(HOST_IOCTL(fd, KVM_RUN, 0), 0);
		break;
	case DEVICE:
		CHECK_EQ(HOST_IOCTL(fd, KVM_GET_DEVICE_ATTR, &attr), 0);
		break;
	default:
		CHECK_EQ(host_read(fd, &header, sizeof(header), &pos), (long)sizeof(header));
	}
}

static void close_rest(int fd[NR_FDS], int order[NR_FDS], unsigned int done, unsigned int *orders)
{
	unsigned int i, j;
	bool taken;

	if (done == NR_FDS) {
		open_all(fd);
		for (i = 0; i < NR_FDS; i++) {
			for (j = i; j < NR_FDS; j++)
				use(order[j], fd[order[j]]);
			host_close(fd[order[i]]);
		}
		++*orders;
		return;
	}
	for (i = 0; i < NR_FDS; i++) {
		for (taken = false, j = 0; j < done; j++)
			taken |= order[j] == (int)i;
		if (taken)
			continue;
		order[done] = i;
		close_rest(fd, order, done + 1, orders);
	}
}

static void files_close_in_any_order(void)
{
	int fd[NR_FDS], order[NR_FDS];
	unsigned int orders = 0;

	close_rest(fd, order, 0, &orders);
	CHECK_EQ(orders, 720);
}

static void exchange(int *order, int i, int j)
{
	int t = order[i];

	order[i] = order[j];
	order[j] = t;
}

/* The order that a dictionary has next. */
static void next_order(int *order, int n)
{
	int i = n - 2, j = n - 1;

	while (i >= 0 && order[i] > order[i + 1])
		i--;
	if (i >= 0) {
		while (order[j] < order[i])
			j--;
		exchange(order, i, j);
	}
	for (i++, j = n - 1; i < j; i++, j--)
		exchange(order, i, j);
}

/* Eventfds that a VM listens to or signals go before it or after it. */
static void eventfds_close_in_any_order(void)
{
	enum { VM_FD, IRQ, RESAMPLE, STORE, PLAIN };
	int order[5] = { VM_FD, IRQ, RESAMPLE, STORE, PLAIN }, fd[5], kvm = host_open();
	unsigned int i, j, n;

	for (n = 0; n < 120; n++) {
		struct kvm_irqfd irqfd = { .gsi = 40, .flags = KVM_IRQFD_FLAG_RESAMPLE };
		struct kvm_irqfd plain = { .gsi = 3 };
		struct kvm_ioeventfd store = { .addr = 0x10000000, .len = 4 };

		fd[VM_FD] = HOST_IOCTL(kvm, KVM_CREATE_VM, TOY_PLAIN);
		for (i = IRQ; i <= PLAIN; i++)
			fd[i] = host_eventfd(0);
		irqfd.fd = fd[IRQ];
		irqfd.resamplefd = fd[RESAMPLE];
		plain.fd = fd[PLAIN];
		store.fd = fd[STORE];
		CHECK_EQ(HOST_IOCTL(fd[VM_FD], KVM_CREATE_IRQCHIP, 0), 0);
		CHECK_EQ(HOST_IOCTL(fd[VM_FD], KVM_IRQFD, &irqfd), 0);
		CHECK_EQ(HOST_IOCTL(fd[VM_FD], KVM_IRQFD, &plain), 0);
		CHECK_EQ(HOST_IOCTL(fd[VM_FD], KVM_IOEVENTFD, &store), 0);
		for (i = 0; i < 5; i++) {
			for (j = i; j < 5; j++)
				if (order[j] != VM_FD)
					CHECK_EQ(host_eventfd_write(fd[order[j]]), 0);
			CHECK_EQ(host_close(fd[order[i]]), 0);
		}
		next_order(order, 5);
	}
	host_close(kvm);
}

/* ---- another thread guesses the number, and closes it at once ---- */

static void close_at_once(unsigned int fd)
{
	host_on_install = NULL;
	CHECK_EQ(host_close(fd), 0);
}

/* What the ioctl still does after that must not need the file, or what it kept alive. */
static void fd_that_is_closed_at_once_is_no_loss(void)
{
	struct kvm_create_device create = { .type = TOY_DEVICE };
	struct machine m;
	int kvm = host_open();

	host_on_install = close_at_once;
	CHECK(HOST_IOCTL(kvm, KVM_CREATE_VM, TOY_PLAIN) > 0);
	host_close(kvm);
	machine_make(&m, TOY_PLAIN, 1);
	host_on_install = close_at_once;
	CHECK(HOST_IOCTL(m.vm, KVM_CREATE_VCPU, 5) > 0);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_VCPU, 5), -EEXIST);
	host_on_install = close_at_once;
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_DEVICE, &create), 0);
	CHECK_EQ(HOST_IOCTL(create.fd, KVM_GET_DEVICE_ATTR, 0), -EBADF);
	host_on_install = close_at_once;
	CHECK(HOST_IOCTL(m.vm, KVM_GET_STATS_FD, 0) > 0);
	host_on_install = close_at_once;
	CHECK(HOST_IOCTL(m.vcpu[0], KVM_GET_STATS_FD, 0) > 0);
	CHECK(!host_on_install);
	/* All but the VM's own. */
	PROGRAM(&m, CODE, I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	machine_free(&m);
}

/* And the VM's file as well: the new one is the last that holds it, until it is closed, too. */
static int vm_fd;

static void close_all_at_once(unsigned int fd)
{
	host_on_install = NULL;
	CHECK_EQ(host_close(vm_fd), 0);
	CHECK_EQ(host_close(fd), 0);
}

static void vm_that_is_closed_at_once_is_whole_until_then(void)
{
	struct kvm_create_device create = { .type = TOY_DEVICE };
	int kvm = host_open();

	vm_fd = HOST_IOCTL(kvm, KVM_CREATE_VM, TOY_PLAIN);
	host_on_install = close_all_at_once;
	CHECK(HOST_IOCTL(vm_fd, KVM_CREATE_VCPU, 0) > 0);
	vm_fd = HOST_IOCTL(kvm, KVM_CREATE_VM, TOY_PLAIN);
	host_on_install = close_all_at_once;
	CHECK_EQ(HOST_IOCTL(vm_fd, KVM_CREATE_DEVICE, &create), 0);
	vm_fd = HOST_IOCTL(kvm, KVM_CREATE_VM, TOY_PLAIN);
	host_on_install = close_all_at_once;
	CHECK(HOST_IOCTL(vm_fd, KVM_GET_STATS_FD, 0) > 0);
	CHECK(!host_on_install);
	host_close(kvm);
}

static void vcpus_have_limits_and_names(void)
{
	int kvm = host_open(), vm = HOST_IOCTL(kvm, KVM_CREATE_VM, 0), fd[TOY_MAX_VCPUS];
	unsigned int i;

	CHECK_EQ(HOST_IOCTL(vm, KVM_CREATE_VCPU, TOY_MAX_VCPU_ID), -EINVAL);
	CHECK_EQ(HOST_IOCTL(vm, KVM_CREATE_VCPU, -1), -EINVAL);
	for (i = 0; i < TOY_MAX_VCPUS; i++) {
		fd[i] = HOST_IOCTL(vm, KVM_CREATE_VCPU, (i * 7 + 3) % TOY_MAX_VCPU_ID);
		CHECK(fd[i] > 0);
		if (i + 1 < TOY_MAX_VCPUS)
			CHECK_EQ(HOST_IOCTL(vm, KVM_CREATE_VCPU, (i * 7 + 3) % TOY_MAX_VCPU_ID),
				 -EEXIST);
	}
	CHECK_EQ(HOST_IOCTL(vm, KVM_CREATE_VCPU, 1), -EINVAL);
	CHECK_EQ(HOST_IOCTL(kvm, KVM_CREATE_VM, TOY_NR_TYPES), -EINVAL);
	for (i = 0; i < TOY_MAX_VCPUS; i++)
		host_close(fd[i]);
	host_close(vm);
	host_close(kvm);
}

static void no_descriptors_left_is_emfile(void)
{
	struct kvm_create_device create = { .type = TOY_DEVICE };
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	host_fd_limit = 6;
	CHECK_EQ(host_open_fds(), 3);
	CHECK_EQ(HOST_IOCTL(m.kvm, KVM_CREATE_VM, 0), -EMFILE);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_VCPU, 1), -EMFILE);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_DEVICE, &create), -EMFILE);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_GET_STATS_FD, 0), -EMFILE);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_GET_STATS_FD, 0), -EMFILE);
	host_fd_limit = 1024;
	machine_free(&m);
}

static void other_processes_get_eio(void)
{
	struct mm_struct *other = host_mm_new();
	struct kvm_create_device create = { .type = TOY_DEVICE };
	struct kvm_device_attr attr = { };
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CREATE_DEVICE, &create), 0);
	host_mm_use(other);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CHECK_EXTENSION, 0), -EIO);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_RUN, 0), -EIO);
	CHECK_EQ(HOST_IOCTL(create.fd, KVM_HAS_DEVICE_ATTR, &attr), -EIO);
	CHECK(HOST_IOCTL(m.kvm, KVM_GET_API_VERSION, 0) == 12);
	host_mm_use(NULL);
	host_mm_exit(other);
	host_close(create.fd);
	machine_free(&m);
}

static void vm_outlives_the_address_space(void)
{
	struct mm_struct *other = host_mm_new();
	struct machine m;

	host_mm_use(other);
	machine_make(&m, TOY_PLAIN, 1);
	PROGRAM(&m, CODE, I_HALT);
	CHECK_EQ(run_at(&m, 0, CODE), KVM_EXIT_HLT);
	CHECK_EQ(stat_of(m.vm, "pages_4k"), 1);
	/* Its pages go with it, while files passed on to others keep the VM. */
	host_mm_exit(other);
	host_mm_use(NULL);
	host_unmap_page(m.run[0]);
	host_close(m.vcpu[0]);
	host_close(m.vm);
	host_close(m.kvm);
}

static void dead_vm_refuses_everything(void)
{
	struct file *file;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	file = fget(m.vm);
	berth_vm_kill(file->private_data);
	fput(file);
	CHECK_EQ(HOST_IOCTL(m.vm, KVM_CHECK_EXTENSION, 0), -EIO);
	CHECK_EQ(HOST_IOCTL(m.vcpu[0], KVM_RUN, 0), -EIO);
	machine_free(&m);
}

static void runs_until_dead(void *arg)
{
	struct machine *m = arg;

	CHECK_EQ(run_vcpu(m, 0), -EIO);
}

static void dead_vm_stops_a_running_guest(void)
{
	struct host_thread *t;
	struct file *file;
	struct machine m;

	machine_make(&m, TOY_PLAIN, 1);
	PROGRAM(&m, CODE, I_SET(1, 1), I_STORE(1, 0, 8, 0x4000), I_BNE(1, 0, -1));
	reg_set(&m, 0, TOY_PC, CODE);
	t = host_thread(runs_until_dead, &m);
	while (ram_read(&m, 0x4000) != 1)
		cpu_relax();
	file = fget(m.vm);
	berth_vm_kill(file->private_data);
	fput(file);
	host_join(t);
	machine_free(&m);
}

static void mapping_holds_the_pages_it_has(void)
{
	struct machine m;
	void *ring;

	machine_make(&m, TOY_PLAIN, 1);
	CHECK_EQ(HOST_IOCTL(m.kvm, KVM_GET_VCPU_MMAP_SIZE, 0), 3 * PAGE_SIZE);
	CHECK_EQ(HOST_IOCTL(m.kvm, KVM_GET_VCPU_MMAP_SIZE, 1), -EINVAL);
	ring = host_page(m.vcpu[0], TOY_RING_PAGE);
	CHECK(ring);
	host_unmap_page(ring);
	CHECK(!host_page(m.vcpu[0], 3));
	CHECK(!host_page(m.vcpu[0], TOY_DIRTY_RING_PAGE));
	CHECK_EQ(host_mmap_flags(m.vcpu[0], 0, 3, VM_READ), 0);
	CHECK_EQ(host_mmap_flags(m.vm, 0, 1, VM_READ), -ENODEV);
	machine_free(&m);
}

/* ---- the module ---- */

static void module_comes_and_goes(void)
{
	int *busy = host_param("busy_cpu"), fd;
	bool *absent = host_param("absent");
	long before;
	unsigned int n;

	host_rmmod();
	before = host_allocations();
	CHECK_EQ(host_open(), -ENOENT);
	host_kvm_busy = true;
	CHECK_EQ(host_insmod(), -EBUSY);
	CHECK(host_log_has("belongs to another hypervisor"));
	host_kvm_busy = false;
	*absent = true;
	CHECK_EQ(host_insmod(), -EOPNOTSUPP);
	CHECK(host_log_has("no toy machine here"));
	*absent = false;
	*busy = 5;
	CHECK_EQ(host_insmod(), -EBUSY);
	CHECK(host_log_has("cpu 5: cannot enable"));
	*busy = -1;
	for (n = 1; n < 100; n++) {
		host_fail_nth(n);
		if (!host_insmod())
			break;
		CHECK(host_failed());
		CHECK_EQ(host_allocations(), before);
	}
	host_fail_nth(0);
	CHECK(n > 5 && n < 100);
	host_suspend(false);
	host_suspend(true);
	fd = host_open();
	CHECK(fd > 0);
	host_close(fd);
	host_reboot();
	CHECK_EQ(host_open(), -ENODEV);
	host_rmmod();
	CHECK_EQ(host_insmod(), 0);
}

static const struct test tests[] = {
	TEST(files_close_in_any_order),
	TEST(eventfds_close_in_any_order),
	TEST(fd_that_is_closed_at_once_is_no_loss),
	TEST(vm_that_is_closed_at_once_is_whole_until_then),
	TEST(vcpus_have_limits_and_names),
	TEST(no_descriptors_left_is_emfile),
	TEST(other_processes_get_eio),
	TEST(vm_outlives_the_address_space),
	TEST(dead_vm_refuses_everything),
	TEST(dead_vm_stops_a_running_guest),
	TEST(mapping_holds_the_pages_it_has),
	TEST(module_comes_and_goes),
};

int main(void)
{
	return RUN_TESTS(tests);
}
