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

void berth_slot_mark_dirty(struct berth_vcpu *vcpu, struct berth_slot *slot, gfn_t gfn)
{
	u64 offset = gfn - slot->base_gfn;

	if (slot->dirty) {
		if (!test_bit_le(offset, slot->dirty))
			set_bit_le(offset, slot->dirty);
	} else if (slot_logged(slot)) {
		berth_dirty_ring_push(vcpu, slot->id, offset);
	}
}

void berth_mark_guest_dirty(struct berth_vcpu *vcpu, gpa_t gpa)
{
	struct berth_slot *slot = berth_slot_find(vcpu->vm, gpa_to_gfn(gpa), NULL);

	if (slot)
		berth_slot_mark_dirty(vcpu, slot, gpa_to_gfn(gpa));
}

/* One page's part of an access; with @writer it goes to the guest. */
static int access_page(struct berth_vm *vm, struct berth_vcpu *writer, gpa_t gpa, void *data,
		       size_t len)
{
	bool write = writer;
	int idx = srcu_read_lock(&vm->srcu);
	unsigned long hva = berth_guest_hva(vm, gpa, write);
	int r = -EFAULT;

	if (hva && write) {
		r = copy_to_user((void __user *)hva, data, len) ? -EFAULT : 0;
		berth_mark_guest_dirty(writer, gpa);
	} else if (hva) {
		r = copy_from_user(data, (void __user *)hva, len) ? -EFAULT : 0;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

static int access_guest(struct berth_vm *vm, struct berth_vcpu *writer, gpa_t gpa, void *data,
			size_t len)
{
	while (len) {
		size_t part = min_t(size_t, len, PAGE_SIZE - offset_in_page(gpa));
		int r = access_page(vm, writer, gpa, data, part);

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
	return access_guest(vm, NULL, gpa, data, len);
}

int berth_write_guest(struct berth_vcpu *vcpu, gpa_t gpa, const void *data, size_t len)
{
	return access_guest(vcpu->vm, vcpu, gpa, (void *)data, len);
}

int berth_write_guest_nofault(struct berth_vcpu *vcpu, gpa_t gpa, const void *data, size_t len)
{
	int idx = srcu_read_lock(&vcpu->vm->srcu);
	unsigned long hva = berth_guest_hva(vcpu->vm, gpa, true);
	int r = -EFAULT;

	if (hva) {
		r = copy_to_user_nofault((void __user *)hva, data, len);
		if (!r)
			berth_mark_guest_dirty(vcpu, gpa);
	}
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	return r;
}
