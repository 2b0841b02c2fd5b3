// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions between the vCPU and user space: fetching and decoding, the
 * accesses emulate.c makes (guest memory, in-kernel devices, or user space by
 * KVM_EXIT_MMIO and KVM_EXIT_IO), and taking an instruction up again after an exit.
 */
#include <berth/trace.h>
#include <linux/uaccess.h>
#include "irq.h"

/* What KVM_EXIT_MMIO carries at most. */
#define MMIO_BYTES	8

static struct x86_vcpu *emul_vcpu(const struct x86_emul *e)
{
	return e->ctx;
}

static u32 data_access(const struct x86_emul *e, bool write)
{
	return (write ? X86_WALK_WRITE : 0) | (e->cpl == 3 ? X86_WALK_USER : 0);
}

static int walk(struct x86_emul *e, u64 linear, bool write, gpa_t *gpa)
{
	struct x86_vcpu *v = emul_vcpu(e);
	struct x86_context c;

	x86_vendor->get_context(v, &c);
	return x86_walk(v, &c, linear, data_access(e, write), gpa, &e->error);
}

/* One page's part of an access: where it is, and whether memory answers. */
struct piece {
	gpa_t gpa;
	unsigned int len;
	bool ram;
};

static bool gpa_is_ram(struct x86_vcpu *v, gpa_t gpa, bool write)
{
	struct berth_vm *vm = v->core.vm;
	int idx = srcu_read_lock(&vm->srcu);
	bool ram = berth_guest_hva(vm, gpa, write);

	srcu_read_unlock(&vm->srcu, idx);
	return ram;
}

/* PUSH, POP and CALL of a memory operand: the stack is a second one. */
static bool uses_stack(const struct x86_insn *insn)
{
	return insn->map == X86_MAP_ONE &&
	       (insn->opcode == 0x8f ||
		(insn->opcode == 0xff && ((insn->reg & 7) == 2 || (insn->reg & 7) == 6)));
}

/*
 * Translate one page's part.  The access that exited needs no walk: the processor
 * translated it, and only one operand of an instruction with ModRM is in memory.
 */
static int translate(struct x86_emul *e, u64 linear, unsigned int len, bool write,
		     struct piece *piece)
{
	struct x86_vcpu *v = emul_vcpu(e);
	int r;

	piece->len = len;
	if (v->mmio.fault_gpa_valid && e->insn->has_mem && !uses_stack(e->insn) &&
	    (!write || v->mmio.fault_write) &&
	    offset_in_page(linear) == offset_in_page(v->mmio.fault_gpa)) {
		piece->gpa = v->mmio.fault_gpa;
		/* Unless this is the read of a read-only slot's word that was written. */
		if (write == v->mmio.fault_write) {
			piece->ram = false;
			return 0;
		}
	} else {
		r = walk(e, linear, write, &piece->gpa);
		if (r < 0)
			return X86_EMUL_UNHANDLED;
		if (r) {
			e->vector = PF_VECTOR;
			e->has_error = true;
			e->cr2 = linear;
			return X86_EMUL_FAULT;
		}
	}
	piece->ram = gpa_is_ram(v, piece->gpa, write);
	return 0;
}

/* All parts of an access, translated before any has an effect.  Their number, or < 0. */
static int translate_all(struct x86_emul *e, u64 linear, unsigned int len, bool write,
			 struct piece piece[2], unsigned int *nr)
{
	unsigned int first = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(linear));
	int r = translate(e, linear, first, write, &piece[0]);

	*nr = 1;
	if (!r && first < len) {
		r = translate(e, linear + first, len - first, write, &piece[1]);
		*nr = 2;
	}
	return r;
}

static noinline void trace_mmio(struct x86_vcpu *v, bool write, gpa_t gpa, unsigned int len,
				const void *data)
{
	u64 value = 0;

	memcpy(&value, data, len);
	trace_berth_mmio(v->core.id, write, gpa, len, value);
}

/* The kernel's devices, the local APIC before the others.  -EOPNOTSUPP: user space's. */
static int device_read(struct x86_vcpu *v, gpa_t gpa, unsigned int len, void *data)
{
	int r = -EOPNOTSUPP;

	if (x86_lapic_has_page(v, gpa))
		r = x86_lapic_mmio_read(v, gpa, data, len);
	if (r)
		r = berth_bus_read(&v->core, BERTH_MMIO_BUS, gpa, len, data);
	if (trace_berth_mmio_enabled() && !r)
		trace_mmio(v, false, gpa, len, data);
	return r;
}

static int device_write(struct x86_vcpu *v, gpa_t gpa, unsigned int len, const void *data)
{
	if (trace_berth_mmio_enabled())
		trace_mmio(v, true, gpa, len, data);
	if (x86_lapic_has_page(v, gpa) && !x86_lapic_mmio_write(v, gpa, data, len))
		return 0;
	return berth_bus_write(&v->core, BERTH_MMIO_BUS, gpa, len, data);
}

/* A load that no memory answers: kernel devices, then user space's answer. */
static int mmio_read(struct x86_vcpu *v, gpa_t gpa, void *data, unsigned int len)
{
	while (len) {
		unsigned int part = min_t(unsigned int, len, MMIO_BYTES);
		struct x86_mmio *mmio = &v->mmio;
		struct x86_mmio_access *a = &mmio->read[mmio->next_read];

		if (mmio->next_read < mmio->nr_reads && a->gpa == gpa && a->len == part) {
			if (!a->done)
				return X86_EMUL_EXIT;
		} else {
			if (mmio->next_read == X86_MMIO_MAX)
				return X86_EMUL_UNHANDLED;
			*a = (struct x86_mmio_access) { .gpa = gpa, .len = part };
			mmio->nr_reads = mmio->next_read + 1;
			if (device_read(v, gpa, part, a->data))
				return X86_EMUL_EXIT;
			a->done = true;
		}
		memcpy(data, a->data, part);
		mmio->next_read++;
		gpa += part;
		data += part;
		len -= part;
	}
	return 0;
}

/* A store that no memory takes: kernel devices, or posted for user space. */
static int mmio_write(struct x86_vcpu *v, gpa_t gpa, const void *data, unsigned int len)
{
	while (len) {
		unsigned int part = min_t(unsigned int, len, MMIO_BYTES);
		struct x86_mmio_access *a;

		if (device_write(v, gpa, part, data)) {
			if (v->mmio.nr_writes == X86_MMIO_MAX)
				return X86_EMUL_UNHANDLED;
			a = &v->mmio.write[v->mmio.nr_writes++];
			a->gpa = gpa;
			a->len = part;
			memcpy(a->data, data, part);
		}
		gpa += part;
		data += part;
		len -= part;
	}
	return 0;
}

/* User space first sees what earlier iterations posted. */
static bool has_posted(const struct x86_vcpu *v)
{
	return v->mmio.nr_writes || v->mmio.pio_posted;
}

static int op_read(struct x86_emul *e, u64 linear, void *data, unsigned int len)
{
	struct x86_vcpu *v = emul_vcpu(e);
	struct piece piece[2];
	unsigned int i, nr;
	int r;

	if (has_posted(v))
		return X86_EMUL_EXIT;
	r = translate_all(e, linear, len, e->for_write, piece, &nr);
	for (i = 0; !r && i < nr; i++) {
		if (!piece[i].ram)
			r = mmio_read(v, piece[i].gpa, data, piece[i].len);
		else if (berth_read_guest(v->core.vm, piece[i].gpa, data, piece[i].len))
			r = X86_EMUL_UNHANDLED;
		data += piece[i].len;
	}
	return r;
}

static int op_write(struct x86_emul *e, u64 linear, const void *data, unsigned int len)
{
	struct x86_vcpu *v = emul_vcpu(e);
	struct piece piece[2];
	unsigned int i, nr;
	int r;

	if (has_posted(v))
		return X86_EMUL_EXIT;
	r = translate_all(e, linear, len, true, piece, &nr);
	for (i = 0; !r && i < nr; i++) {
		if (!piece[i].ram)
			r = mmio_write(v, piece[i].gpa, data, piece[i].len);
		else if (berth_write_guest(&v->core, piece[i].gpa, data, piece[i].len))
			r = X86_EMUL_UNHANDLED;
		data += piece[i].len;
	}
	return r;
}

/* Compare-and-exchange on ordinary memory.  0, RETRY or UNHANDLED. */
static int ram_exchange(struct x86_vcpu *v, gpa_t gpa, const void *old, const void *new,
			unsigned int len)
{
	struct berth_vm *vm = v->core.vm;
	int idx = srcu_read_lock(&vm->srcu), r = X86_EMUL_UNHANDLED;
	unsigned long hva = berth_guest_hva(vm, gpa, true);
	u64 was = 0, to = 0;
	bool same = false;

	memcpy(&was, old, min(len, 8u));
	memcpy(&to, new, min(len, 8u));
	if (!hva || !user_access_begin((void __user *)hva, len))
		goto out;
	switch (len) {
	case 1: {
		u8 o = was;

		same = unsafe_try_cmpxchg_user((u8 __user *)hva, &o, (u8)to, fault);
		break;
	}
	case 2: {
		u16 o = was;

		same = unsafe_try_cmpxchg_user((u16 __user *)hva, &o, (u16)to, fault);
		break;
	}
	case 4: {
		u32 o = was;

		same = unsafe_try_cmpxchg_user((u32 __user *)hva, &o, (u32)to, fault);
		break;
	}
	case 8:
		same = unsafe_try_cmpxchg_user((u64 __user *)hva, &was, to, fault);
		break;
	default:	/* no 16-byte exchange on user memory: not atomic, not done */
		goto fault;
	}
	r = same ? 0 : X86_EMUL_RETRY;
fault:
	user_access_end();
	berth_mark_guest_dirty(&v->core, gpa);
out:
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

static int op_rmw(struct x86_emul *e, u64 linear, const void *old, const void *new,
		  unsigned int len)
{
	struct x86_vcpu *v = emul_vcpu(e);
	struct piece piece[2];
	unsigned int nr;
	int r;

	if (!e->locked)
		return op_write(e, linear, new, len);
	r = translate_all(e, linear, len, true, piece, &nr);
	if (r)
		return r;
	/* A device's registers, or a split lock: nobody could tell it from a plain store. */
	if (nr == 2 || !piece[0].ram)
		return op_write(e, linear, new, len);
	return ram_exchange(v, piece[0].gpa, old, new, len);
}

static void *pio_data(struct x86_vcpu *v)
{
	return (void *)v->core.run + PAGE_SIZE * KVM_PIO_PAGE_OFFSET;
}

static void pio_exit(struct x86_vcpu *v, bool in, u16 port, unsigned int size, unsigned int count)
{
	struct kvm_run *run = v->core.run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = size;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
}

/*
 * The processor looked at IOPL and the permission map before it exited, but the bytes in
 * memory may be others by now: only the access it permitted is made, for any other the
 * guest goes back to the processor.
 */
static bool port_permitted(const struct x86_vcpu *v, u16 port, unsigned int size, bool in)
{
	const struct x86_mmio *mmio = &v->mmio;

	return mmio->io_size && mmio->io_port == port && mmio->io_size == size &&
	       mmio->io_in == in;
}

static int op_pio_in(struct x86_emul *e, u16 port, void *data, unsigned int size,
		     unsigned int count)
{
	struct x86_vcpu *v = emul_vcpu(e);
	unsigned int i;

	if (has_posted(v))
		return X86_EMUL_EXIT;
	if (!port_permitted(v, port, size, true))
		return X86_EMUL_RETRY;
	if (v->mmio.pio_done) {
		memcpy(data, pio_data(v), size * count);
		return 0;
	}
	trace_berth_pio(v->core.id, false, port, size, count);
	for (i = 0; i < count; i++)
		if (berth_bus_read(&v->core, BERTH_PIO_BUS, port, size, data + i * size))
			break;
	if (i == count)
		return 0;
	/* A device that answers only a part of a burst would be asked twice: none does. */
	pio_exit(v, true, port, size, count);
	v->mmio.pio_pending = true;
	return X86_EMUL_EXIT;
}

static int op_pio_out(struct x86_emul *e, u16 port, const void *data, unsigned int size,
		      unsigned int count)
{
	struct x86_vcpu *v = emul_vcpu(e);
	unsigned int i;

	if (has_posted(v))
		return X86_EMUL_EXIT;
	if (!port_permitted(v, port, size, false))
		return X86_EMUL_RETRY;
	trace_berth_pio(v->core.id, true, port, size, count);
	for (i = 0; i < count; i++)
		if (berth_bus_write(&v->core, BERTH_PIO_BUS, port, size, data + i * size))
			break;
	if (i == count)
		return 0;
	pio_exit(v, false, port, size, count - i);
	memcpy(pio_data(v), data + i * size, size * (count - i));
	v->mmio.pio_posted = true;
	return 0;
}

static int op_probe(struct x86_emul *e, u64 linear, unsigned int len, bool write)
{
	struct piece piece[2];
	unsigned int nr;
	int r = translate_all(e, linear, len, write, piece, &nr);

	if (r)
		return r;
	return piece[0].ram && piece[nr - 1].ram ? 0 : X86_EMUL_UNHANDLED;
}

/* What user space answered belongs to the iteration that is over. */
static void op_retire(struct x86_emul *e)
{
	struct x86_mmio *mmio = &emul_vcpu(e)->mmio;

	mmio->nr_reads = 0;
	mmio->next_read = 0;
	mmio->pio_pending = false;
	mmio->pio_done = false;
	mmio->fault_gpa_valid = false;
}

static const struct x86_emul_ops emul_ops = {
	.read = op_read,
	.write = op_write,
	.rmw = op_rmw,
	.pio_in = op_pio_in,
	.pio_out = op_pio_out,
	.probe = op_probe,
	.retire = op_retire,
};

static void emul_load(struct x86_vcpu *v, struct x86_emul *e)
{
	struct x86_context c;
	unsigned int nr;

	e->gpr = v->gpr;
	e->rip = v->rip;
	e->rflags = v->rflags;
	x86_vendor->get_context(v, &c);
	e->mode = c.mode;
	e->cr0 = c.cr0;
	e->cr4 = c.cr4;
	e->cpl = c.cpl;
	e->insn = &v->mmio.insn;
	e->ops = &emul_ops;
	e->ctx = v;
	/* With a ModRM operand and a register only its own segment is looked at. */
	if (e->insn->has_mem && e->insn->form != X86_FORM_E && e->insn->form != X86_FORM_NONE)
		x86_vendor->get_emul_seg(v, &e->seg[e->insn->seg], e->insn->seg);
	else
		for (nr = 0; nr < X86_NR_SEG; nr++)
			x86_vendor->get_emul_seg(v, &e->seg[nr], nr);
}

/* Nothing of the instruction is kept. */
static void mmio_forget(struct x86_mmio *mmio)
{
	mmio->nr_reads = mmio->next_read = 0;
	mmio->nr_writes = mmio->next_write = 0;
	mmio->pio_pending = mmio->pio_done = mmio->pio_posted = false;
	mmio->fault_gpa_valid = false;
	mmio->io_size = 0;
}

/*
 * An instruction that cannot be executed: user space hears of it with the bytes when
 * the guest's kernel did it, its user programs get #UD; or of all of them, and then the
 * guest of none (KVM_CAP_EXIT_ON_EMULATION_FAILURE).
 */
static int emulation_failure(struct x86_vcpu *v)
{
	struct kvm_run *run = v->core.run;
	struct x86_insn *insn = &v->mmio.insn;

	mmio_forget(&v->mmio);
	if (!READ_ONCE(to_x86_vm(v->core.vm)->exit_on_emulation_failure)) {
		x86_queue_exception(v, UD_VECTOR);
		if (x86_vendor->get_cpl(v))
			return BERTH_RUN_AGAIN;
	}
	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;	/* flags, then size and bytes in two words */
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = min_t(u8, insn->len, sizeof(insn->bytes));
	memcpy(run->emulation_failure.insn_bytes, insn->bytes, sizeof(insn->bytes));
	return BERTH_RUN_USER;
}

/* Show user space the next thing it must see.  True when there is one. */
static bool show_posted(struct x86_vcpu *v)
{
	struct kvm_run *run = v->core.run;
	struct x86_mmio *mmio = &v->mmio;
	struct x86_mmio_access *a;

	if (mmio->pio_posted) {
		mmio->pio_posted = false;
		return true;	/* kvm_run was filled when it was posted */
	}
	if (mmio->next_write == mmio->nr_writes) {
		mmio->nr_writes = mmio->next_write = 0;
		return false;
	}
	a = &mmio->write[mmio->next_write++];
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = a->gpa;
	run->mmio.len = a->len;
	run->mmio.is_write = 1;
	memcpy(run->mmio.data, a->data, sizeof(a->data));
	v->core.stats.mmio_exits++;
	return true;
}

static void show_read(struct x86_vcpu *v)
{
	struct kvm_run *run = v->core.run;
	struct x86_mmio_access *a = &v->mmio.read[v->mmio.nr_reads - 1];

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = a->gpa;
	run->mmio.len = a->len;
	run->mmio.is_write = 0;
	v->core.stats.mmio_exits++;
}

/* User space saw one thing; show it the next, or let the guest go on. */
static int complete_emulation(struct x86_vcpu *v)
{
	if (!show_posted(v))
		return unlikely(v->mmio.stepped) ? x86_single_step(v) : BERTH_RUN_AGAIN;
	v->complete = complete_emulation;
	return BERTH_RUN_USER;
}

/* More of the same instruction must run after user space saw what is posted. */
static int complete_then_emulate(struct x86_vcpu *v);

static int emulate(struct x86_vcpu *v)
{
	enum x86_emul_result result;
	struct x86_emul e;
	bool tf = v->rflags & X86_EFLAGS_TF;

	v->core.stats.instructions_emulated++;
	v->mmio.next_read = 0;
	emul_load(v, &e);
	result = x86_emulate(&e);
	v->rip = e.rip;
	v->rflags = e.rflags;
	/* What earlier iterations posted comes first; then this one fails again. */
	if (result != X86_EMUL_DONE && has_posted(v))
		result = X86_EMUL_EXIT;
	switch (result) {
	case X86_EMUL_DONE:
		x86_vendor->set_shadow(v, 0);
		v->mmio.stepped = tf && !e.partial;
		return complete_emulation(v);
	case X86_EMUL_EXIT:
		v->complete = complete_then_emulate;
		if (!show_posted(v) && !v->mmio.pio_pending)
			show_read(v);
		return BERTH_RUN_USER;
	case X86_EMUL_FAULT:
		mmio_forget(&v->mmio);
		if (e.vector == PF_VECTOR)
			x86_queue_page_fault(v, e.cr2, e.error);
		else if (e.has_error)
			x86_queue_exception_error(v, e.vector, e.error);
		else
			x86_queue_exception(v, e.vector);
		return BERTH_RUN_AGAIN;
	case X86_EMUL_RETRY:
		mmio_forget(&v->mmio);
		return BERTH_RUN_AGAIN;
	default:
		return emulation_failure(v);
	}
}

static int complete_then_emulate(struct x86_vcpu *v)
{
	struct x86_mmio *mmio = &v->mmio;

	/* User space moved the vCPU: the rest of the instruction is not run elsewhere. */
	if (v->rip != mmio->rip) {
		if (!show_posted(v)) {
			mmio_forget(mmio);
			return BERTH_RUN_AGAIN;
		}
		v->complete = complete_then_emulate;
		return BERTH_RUN_USER;
	}
	if (mmio->pio_pending) {
		mmio->pio_pending = false;
		mmio->pio_done = true;
	} else if (mmio->nr_reads && !mmio->read[mmio->nr_reads - 1].done) {
		struct x86_mmio_access *a = &mmio->read[mmio->nr_reads - 1];

		memcpy(a->data, v->core.run->mmio.data, sizeof(a->data));
		a->done = true;
		if (trace_berth_mmio_enabled())
			trace_mmio(v, false, a->gpa, a->len, a->data);
	} else if (show_posted(v)) {
		v->complete = complete_then_emulate;
		return BERTH_RUN_USER;
	}
	return emulate(v);
}

/* How many bytes at RIP can be read, up to @want.  *fault: where a page fault ended it. */
static unsigned int fetch_bytes(struct x86_vcpu *v, const struct x86_context *c, u8 *bytes,
				unsigned int want, u32 *error, u64 *fault)
{
	u32 access = X86_WALK_FETCH | (c->cpl == 3 ? X86_WALK_USER : 0);
	u64 linear = c->linear_rip;
	unsigned int have = 0;

	while (have < want) {
		unsigned int part = min_t(unsigned int, want - have,
					  PAGE_SIZE - offset_in_page(linear));
		gpa_t gpa;
		int r = x86_walk(v, c, linear, access, &gpa, error);

		if (r > 0)
			*fault = linear;
		if (r || berth_read_guest(v->core.vm, gpa, bytes + have, part))
			break;
		have += part;
		linear += part;
	}
	return have;
}

bool x86_code_is(struct x86_vcpu *v, u32 opcode, unsigned int n)
{
	struct berth_vm *vm = v->core.vm;
	struct x86_context c;
	unsigned long hva;
	u32 error, code = 0;
	bool same = false;
	gpa_t gpa;
	int idx;

	x86_vendor->get_context(v, &c);
	if (offset_in_page(c.linear_rip) > PAGE_SIZE - sizeof(code) ||
	    x86_walk(v, &c, c.linear_rip, X86_WALK_FETCH | X86_WALK_PEEK, &gpa, &error))
		return false;
	idx = srcu_read_lock(&vm->srcu);
	hva = berth_guest_hva(vm, gpa, false);
	if (hva && user_access_begin((void __user *)hva, sizeof(code))) {
		unsafe_get_user(code, (u32 __user *)hva, fault);
		same = !((code ^ opcode) & GENMASK(8 * n - 1, 0));
fault:
		user_access_end();
	}
	srcu_read_unlock(&vm->srcu, idx);
	return same;
}

int x86_fetch_insn(struct x86_vcpu *v, struct x86_insn *insn)
{
	unsigned int n = v->nr_fetched;
	struct x86_context c;
	u8 bytes[ALIGN(X86_INSN_MAX, sizeof(u64))];	/* whole words are copied at once */
	u32 error = 0;
	u64 fault = 0;
	int r = -EAGAIN;

	x86_vendor->get_context(v, &c);
	if (n) {	/* the exit itself brought them */
		memcpy(bytes, v->fetched, sizeof(v->fetched));
		v->nr_fetched = 0;
		r = x86_decode(insn, bytes, n, c.mode);
	}
	if (r == -EAGAIN) {
		n = fetch_bytes(v, &c, bytes, sizeof(bytes), &error, &fault);
		r = n ? x86_decode(insn, bytes, n, c.mode) : -EAGAIN;
	}
	if (!r)
		return BERTH_RUN_AGAIN;
	insn->len = 0;
	if (r == -EAGAIN && fault) {
		x86_queue_page_fault(v, fault, error);
		return BERTH_RUN_AGAIN;
	}
	v->mmio.insn.len = min_t(u8, n, X86_INSN_MAX);
	memcpy(v->mmio.insn.bytes, bytes, v->mmio.insn.len);
	r = emulation_failure(v);
	v->mmio.insn.len = 0;
	return r;
}

static int fetch_and_emulate(struct x86_vcpu *v)
{
	int r = x86_fetch_insn(v, &v->mmio.insn);

	if (r != BERTH_RUN_AGAIN || !v->mmio.insn.len)
		return r;
	v->mmio.rip = v->rip;
	return emulate(v);
}

int x86_exit_emulate(struct x86_vcpu *v)
{
	mmio_forget(&v->mmio);
	return fetch_and_emulate(v);
}

int x86_exit_string_pio(struct x86_vcpu *v, u16 port, unsigned int size, bool in)
{
	mmio_forget(&v->mmio);
	v->mmio.io_port = port;
	v->mmio.io_size = size;
	v->mmio.io_in = in;
	return fetch_and_emulate(v);
}

int x86_exit_mmio(struct x86_vcpu *v, gpa_t gpa, u32 access)
{
	mmio_forget(&v->mmio);
	v->mmio.fault_gpa = gpa;
	v->mmio.fault_gpa_valid = gpa != BERTH_INVALID_GPA && !(access & S2_X);
	v->mmio.fault_write = access & S2_W;
	return fetch_and_emulate(v);
}
