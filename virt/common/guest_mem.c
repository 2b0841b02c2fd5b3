// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own access to guest memory: through the owner's user addresses, so
 * that it faults, swaps and fails as the owner's accesses do.
 */
#include <berth/backend.h>
#include <linux/uaccess.h>

unsigned long berth_guest_hva(struct berth_vm *vm, gpa_t gpa, bool write)
{
	gfn_t gfn = gpa_to_gfn(gpa);
	struct berth_slot *slot = berth_slot_find(vm, gfn, NULL);

	if (!slot || (write && slot_readonly(slot)))
		return 0;
	return slot_hva(slot, gfn) + offset_in_page(gpa);
}

void berth_mark_guest_dirty(struct berth_vm *vm, gpa_t gpa)
{
	struct berth_slot *slot = berth_slot_find(vm, gpa_to_gfn(gpa), NULL);

	if (slot)
		berth_slot_mark_dirty(slot, gpa_to_gfn(gpa));
}

/* One page's part of an access. */
static int access_page(struct berth_vm *vm, gpa_t gpa, void *data, size_t len, bool write)
{
	int idx = srcu_read_lock(&vm->srcu);
	unsigned long hva = berth_guest_hva(vm, gpa, write);
	int r = -EFAULT;

	if (hva && write) {
		r = copy_to_user((void __user *)hva, data, len) ? -EFAULT : 0;
		berth_mark_guest_dirty(vm, gpa);
	} else if (hva) {
		r = copy_from_user(data, (void __user *)hva, len) ? -EFAULT : 0;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

static int access_guest(struct berth_vm *vm, gpa_t gpa, void *data, size_t len, bool write)
{
	while (len) {
		size_t part = min_t(size_t, len, PAGE_SIZE - offset_in_page(gpa));
		int r = access_page(vm, gpa, data, part, write);

		if (r)
			return r;
		gpa += part;
		data += part;
		len -= part;
	}
	return 0;
}

int berth_read_guest(struct berth_vm *vm, gpa_t gpa, void *data, size_t len)
{
	return access_guest(vm, gpa, data, len, false);
}

int berth_write_guest(struct berth_vm *vm, gpa_t gpa, const void *data, size_t len)
{
	return access_guest(vm, gpa, (void *)data, len, true);
}
