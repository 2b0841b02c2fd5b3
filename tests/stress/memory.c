// SPDX-License-Identifier: GPL-2.0-only
/* Memory slots that come, go and move, and the user memory below them, which is remapped meanwhile. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "stress.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static struct vm *any_vm(struct worker *w)
{
	return w->world->vms[below(w, w->world->nr_vms)];
}

static uint8_t *any_page(struct worker *w, unsigned int *pages)
{
	unsigned int first = below(w, ARENA_PAGES);

	*pages = 1 + below(w, ARENA_PAGES - first);
	if (!one_in(w, 4) && *pages > 16)
		*pages = 1 + *pages % 16;
	return w->world->arena + first * page_size();
}

/* Few slots and few places, so that they overlap, move and change; now and then odd numbers. */
void random_slot(struct worker *w)
{
	static const uint32_t flags[] = { 0, 0, KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, 3, 1U << 31 };
	struct kvm_userspace_memory_region r = {
		.slot = 1 + below(w, 6),
		.flags = flags[below(w, one_in(w, 8) ? 6 : 5)],
		.guest_phys_addr = (one_in(w, 2) ? TEST_GPA : TEST_GPA2) + below(w, 4) * 64 * page_size(),
	};
	unsigned int pages;

	r.userspace_addr = (uintptr_t)any_page(w, &pages);
	r.memory_size = one_in(w, 3) ? 0 : pages * page_size();
	if (one_in(w, 16))
		r.guest_phys_addr = odd_number(w);
	if (one_in(w, 16))
		r.memory_size = odd_number(w);
	/* Its bitmap would be all of the host's memory. */
	if (r.memory_size >> 48 == 0 && r.memory_size > MAX_SLOT)
		r.memory_size %= MAX_SLOT;
	if (one_in(w, 16))
		r.slot = odd_number(w);
	atomic_fetch_add(&counts->calls, 1);
	if (!kvm_ioctl(any_vm(w)->fd, KVM_SET_USER_MEMORY_REGION, &r))
		atomic_fetch_add(&counts->succeeded, 1);
}

static void map_file(struct worker *w, uint8_t *p, size_t size)
{
	int fd = memfd_create("stress", MFD_CLOEXEC);

	if (fd < 0)
		return;
	/* The rest of it is a SIGBUS for user space, and no memory for a guest. */
	if (!ftruncate(fd, below(w, size + 1)))
		mmap(p, size, PROT_READ | PROT_WRITE, MAP_FIXED | (one_in(w, 2) ? MAP_SHARED : MAP_PRIVATE), fd, 0);
	if (one_in(w, 2) && ftruncate(fd, 0))
		note("ftruncate: %s", strerror(errno));
	close(fd);
}

void random_mapping(struct worker *w)
{
	static const int advice[] = { MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_PAGEOUT, MADV_COLD,
				      MADV_COLLAPSE, MADV_MERGEABLE, MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK };
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC };
	unsigned int pages;
	uint8_t *p = any_page(w, &pages);
	size_t size = pages * page_size();

	switch (below(w, 7)) {
	case 0:
		mmap(p, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 1:
		/* Nobody else may map something there that is not the arena's: hold the place. */
		mmap(p, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 2:
		mprotect(p, size, prots[below(w, ARRAY_SIZE(prots))]);
		break;
	case 3:
		map_file(w, p, size);
		break;
	case 4:
		mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, w->world->arena);
		mmap(p, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	default:
		madvise(p, size, advice[below(w, ARRAY_SIZE(advice))]);
	}
}

/* The logs of the slots that random_slot() makes. */
void random_log(struct worker *w)
{
	struct vm *vm = any_vm(w);
	int r;

	if (one_in(w, 2)) {
		struct kvm_dirty_log log = { .slot = 1 + below(w, 6), .dirty_bitmap = w->bitmap };

		r = kvm_ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log);
	} else {
		struct kvm_clear_dirty_log clear = {
			.slot = 1 + below(w, 6),
			.num_pages = one_in(w, 4) ? odd_number(w) : 64 * below(w, ARENA_PAGES / 64),
			.first_page = one_in(w, 4) ? odd_number(w) : 64 * below(w, 4),
			.dirty_bitmap = w->bitmap,
		};

		r = kvm_ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &clear);
	}
	atomic_fetch_add(&counts->calls, 1);
	if (!r)
		atomic_fetch_add(&counts->succeeded, 1);
}
