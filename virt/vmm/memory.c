// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: anonymous memory of this process, given to the VM in one slot per region. */
#define _GNU_SOURCE
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "arch.h"
#include "memory.h"

#define HUGE_PAGE	(2 * MB)

static u8 *map(u64 size)
{
	u64 room = size + HUGE_PAGE;
	u8 *start = mmap(NULL, room, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	u8 *aligned;

	if (start == MAP_FAILED)
		die_errno("cannot have %llu MB of memory", (unsigned long long)(size / MB));
	/* Huge pages come only where both addresses have the same offset in one. */
	aligned = (u8 *)align_up((uintptr_t)start, HUGE_PAGE);
	if (aligned != start)
		munmap(start, aligned - start);
	munmap(aligned + size, start + room - (aligned + size));
	madvise(aligned, size, MADV_HUGEPAGE);
	madvise(aligned, size, MADV_DONTDUMP);
	return aligned;
}

void memory_create(struct memory *m, u64 size)
{
	unsigned int i;

	m->nr = arch_memory_layout(size, m->region);
	for (i = 0; i < m->nr; i++)
		m->region[i].hva = map(m->region[i].size);
}

void memory_map(const struct memory *m, int vm_fd)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		struct kvm_userspace_memory_region slot = {
			.slot = i,
			.guest_phys_addr = m->region[i].gpa,
			.memory_size = m->region[i].size,
			.userspace_addr = (uintptr_t)m->region[i].hva,
		};

		if (ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
			die_errno("cannot give the guest its memory");
	}
}

void *memory_at(const struct memory *m, u64 gpa, u64 len)
{
	const struct memory_region *r;

	for (r = m->region; r < m->region + m->nr; r++)
		if (gpa >= r->gpa && gpa - r->gpa < r->size && len <= r->size - (gpa - r->gpa))
			return r->hva + (gpa - r->gpa);
	return NULL;
}
