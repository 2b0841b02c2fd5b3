// SPDX-License-Identifier: GPL-2.0-only
/* Random ioctls from the table, on the right fd or another, with arguments that are nearly right; and guests that run. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "stress.h"
#include "ioctl_table.h"

#define ROW(request, scope, need) { #request, request, scope },
static const struct {
	const char *name;
	unsigned long request;
	enum scope scope;
} rows[] = { CORE_IOCTLS(ROW) ARCH_IOCTLS(ROW) };

/* In place of one that is there, which is closed then. */
void publish(struct worker *w, int fd, enum scope scope)
{
	struct shared_fd *slot = &w->world->fds[below(w, NR_FDS)];
	int old = atomic_exchange(&slot->fd, fd);

	atomic_store(&slot->scope, scope);
	if (old >= 0)
		close(old);
}

static int any_fd(struct worker *w, enum scope scope)
{
	struct world *world = w->world;

	/* The world's own are the ones that guests run on. */
	if (one_in(w, 3)) {
		if (scope == SCOPE_VM)
			return world->vms[below(w, world->nr_vms)]->fd;
		if (scope == SCOPE_VCPU)
			return world->vcpus[below(w, world->nr_vcpus)]->fd;
	}
	for (int i = 0; i < 20; i++) {
		struct shared_fd *s = &world->fds[below(w, NR_FDS)];

		if (atomic_load(&s->scope) == scope || one_in(w, 20))
			return atomic_load(&s->fd);
	}
	return kvm_fd();
}

/* Changes some bits, or a word to an odd number. */
static void mutate(struct worker *w, uint8_t *p, size_t size)
{
	for (unsigned int n = below(w, 4); n && size; n--) {
		size_t at = below(w, size);

		if (one_in(w, 2) && size >= 8) {
			uint64_t odd = odd_number(w);
			unsigned int len = one_in(w, 2) ? 4 : 8;

			at = below(w, size / len) * len;
			memcpy(p + at, &odd, len);
		} else {
			p[at] ^= 1 << below(w, 8);
		}
	}
}

/* What ioctls with an fd, a pointer or a capability in their struct want to find there. */
static void fill_known(struct worker *w, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_ENABLE_CAP:
		*(struct kvm_enable_cap *)arg = (struct kvm_enable_cap){
			.cap = below(w, 245), .args = { below(w, 16), below(w, 4) } };
		break;
	case KVM_IRQFD: {
		struct kvm_irqfd *irqfd = arg;

		memset(irqfd, 0, sizeof(*irqfd));
		irqfd->fd = atomic_load(&w->world->fds[below(w, NR_FDS)].fd);
		irqfd->gsi = below(w, 32);
		irqfd->flags = below(w, 4);
		irqfd->resamplefd = atomic_load(&w->world->fds[below(w, NR_FDS)].fd);
		break;
	}
	case KVM_IOEVENTFD:
		*(struct kvm_ioeventfd *)arg = (struct kvm_ioeventfd){
			.addr = MMIO_GPA + 4 * below(w, 8), .len = 1 << below(w, 4), .datamatch = below(w, 4),
			.fd = atomic_load(&w->world->fds[below(w, NR_FDS)].fd), .flags = below(w, 8) };
		break;
	case KVM_REGISTER_COALESCED_MMIO:
	case KVM_UNREGISTER_COALESCED_MMIO:
		*(struct kvm_coalesced_mmio_zone *)arg = (struct kvm_coalesced_mmio_zone){
			.addr = MMIO_GPA + 4 * below(w, 8), .size = 1 + below(w, 64), .pio = one_in(w, 4) };
		break;
	case KVM_SET_GSI_ROUTING: {
		struct kvm_irq_routing *routing = arg;

		memset(arg, 0, SCRATCH / 2);
		routing->nr = one_in(w, 8) ? odd_number(w) : below(w, 32);
		for (unsigned int i = 0; i < 32; i++) {
			routing->entries[i].gsi = below(w, 32);
			routing->entries[i].type = 1 + below(w, 3);
			routing->entries[i].u.irqchip.irqchip = below(w, 4);
			routing->entries[i].u.irqchip.pin = below(w, 24);
		}
		break;
	}
	case KVM_CREATE_DEVICE:
		*(struct kvm_create_device *)arg = (struct kvm_create_device){
			.type = one_in(w, 4) ? odd_number(w) : below(w, 0x80), .flags = one_in(w, 8) };
		break;
	case KVM_PRE_FAULT_MEMORY:
		*(struct kvm_pre_fault_memory *)arg = (struct kvm_pre_fault_memory){
			.gpa = TEST_GPA + below(w, 64) * page_size(), .size = below(w, 64) * page_size() };
		break;
	}
}

/* A struct of @size bytes: what was seen, or bytes of a kind, with changes. Arrays behind it have few or many elements. */
static void *argument(struct worker *w, unsigned long request, size_t size)
{
	uint8_t *arg = one_in(w, 8) ? w->scratch + SCRATCH - size : w->scratch;
	unsigned int i = below(w, ARRAY_SIZE(w->seen));
	uint32_t count = one_in(w, 6) ? odd_number(w) : below(w, 40);

	switch (below(w, 8)) {
	case 0:
		memset(arg, 0, size);
		break;
	case 1:
		for (size_t at = 0; at < size; at++)
			arg[at] = random64(w);
		break;
	case 2:
		memset(arg, 0, size);
		memcpy(arg, &count, size < 4 ? size : 4);
		break;
	default:
		for (unsigned int n = 0; n < ARRAY_SIZE(w->seen); n++) {
			unsigned int k = (i + n) % ARRAY_SIZE(w->seen);

			if (w->seen[k].size == size) {
				memcpy(arg, w->seen[k].data, size);
				break;
			}
		}
	}
	if (!one_in(w, 8) && arg == w->scratch)
		fill_known(w, request, arg);
	if (one_in(w, 2))
		mutate(w, arg, size);
	if (one_in(w, 40))
		return NULL;
	if (one_in(w, 40))
		return w->scratch + SCRATCH - size / 2;
	return arg;
}

static void remember(struct worker *w, const void *arg, size_t size)
{
	unsigned int i = below(w, ARRAY_SIZE(w->seen));

	if (size && size <= sizeof(w->seen[i].data) && arg) {
		memcpy(w->seen[i].data, arg, size);
		w->seen[i].size = size;
	}
}

/* What a call has made: everybody may have it now. */
static void keep(struct worker *w, unsigned long request, int made, const void *arg)
{
	if (request == KVM_CREATE_VM)
		publish(w, made, SCOPE_VM);
	else if (request == KVM_CREATE_VCPU)
		publish(w, made, SCOPE_VCPU);
	else if (request == KVM_CREATE_DEVICE && !(((const struct kvm_create_device *)arg)->flags & 1))
		publish(w, ((const struct kvm_create_device *)arg)->fd, SCOPE_DEVICE);
	else if (request == KVM_GET_STATS_FD) {
		char text[256];

		if (pread(made, text, sizeof(text), below(w, 2048)) < 0 && errno == EBADF)
			note("a statistics fd was closed by another thread");
		publish(w, made, SCOPE_SYSTEM);
	}
}

void random_call(struct worker *w)
{
	unsigned int i = below(w, ARRAY_SIZE(rows));
	unsigned long request = rows[i].request;
	size_t size = _IOC_SIZE(request);
	void *arg;
	int r;

	if (one_in(w, 50)) {
		publish(w, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), SCOPE_SYSTEM);
		return;
	}
	if (size)
		arg = argument(w, request, size);
	else if (request == KVM_CREATE_VM)
		arg = (void *)(one_in(w, 8) ? odd_number(w) : 0);
	else
		arg = (void *)(one_in(w, 3) ? odd_number(w) : below(w, 8));
	r = kvm_ioctl(any_fd(w, one_in(w, 20) ? (enum scope)(1 << below(w, 4)) : rows[i].scope), request, arg);
	atomic_fetch_add(&counts->calls, 1);
	if (r < 0)
		return;
	atomic_fetch_add(&counts->succeeded, 1);
	if (_IOC_DIR(request) & _IOC_READ)
		remember(w, arg, size);
	keep(w, request, r, arg);
}

/* Answers an exit somehow. */
static void answer(struct worker *w, struct kvm_run *run)
{
	if (run->exit_reason == KVM_EXIT_MMIO) {
		uint64_t value = random64(w);

		memcpy(run->mmio.data, &value, sizeof(value));
	}
}

void random_run(struct worker *w)
{
	static const enum guest_routine routines[] = { GUEST_LOAD, GUEST_STORE, GUEST_FILL, GUEST_SUM, GUEST_SPIN, GUEST_COPY,
						       GUEST_BEAT };
	struct vcpu *vcpu = w->world->vcpus[below(w, w->world->nr_vcpus)];
	uint64_t place = one_in(w, 2) ? TEST_GPA : one_in(w, 2) ? TEST_GPA2 : MMIO_GPA;

	if (one_in(w, 2)) {
		enum guest_routine routine = routines[below(w, ARRAY_SIZE(routines))];
		uint64_t stride = routine == GUEST_STORE || routine == GUEST_LOAD ? 1ULL << below(w, 4) : below(w, 256);

		arch_start(vcpu, routine, place + 8 * below(w, 4096), stride,
			   routine == GUEST_COPY ? TEST_GPA2 + 8 * below(w, 4096) : 8 * below(w, 600));
	}
	for (unsigned int n = 1 + below(w, 8); n && !atomic_load(&w->world->stop); n--) {
		int r = vcpu_run(vcpu);

		atomic_fetch_add(&counts->runs, 1);
		if (r)
			break;
		atomic_fetch_add(&counts->exits, 1);
		if (arch_is_done(vcpu))
			atomic_fetch_add(&counts->done, 1);
		answer(w, vcpu->run);
	}
}

/* The pages that vCPUs share with user space: struct kvm_run, port data, rings. */
void scribble(struct worker *w)
{
	struct vcpu *vcpu = w->world->vcpus[below(w, w->world->nr_vcpus)];
	volatile uint8_t *page = (volatile uint8_t *)vcpu->run;

	if (one_in(w, 4)) {
		vcpu->run->immediate_exit = one_in(w, 2);
		return;
	}
	for (unsigned int n = below(w, 32); n; n--)
		page[below(w, vcpu->run_size)] = random64(w);
}

/* A child has the fds, and may use none; its copy of the memory makes the parent's pages shared for a while. */
void fork_and_use(struct worker *w)
{
	pid_t pid = fork();

	if (!pid) {
		for (unsigned int n = below(w, 30); n; n--)
			random_call(w);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
