// SPDX-License-Identifier: GPL-2.0-only
/*
 * The I/O APIC: 24 pins whose redirection entries say what message a line sends to the
 * local APICs.  Sections are those of Intel's 82093AA data sheet, order number 290566.
 *
 * Version 0x11 has no EOI register: a level-triggered interrupt ends by the local APIC's
 * broadcast, or by making its entry edge-triggered for a moment.
 */
#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include "irqchip.h"

#define IOAPIC_BASE	0xfec00000
#define IOAPIC_LEN	0x100
#define IOAPIC_VERSION	0x11

/* Memory-mapped registers (3.1), and those behind them (3.2). */
#define IOREGSEL	0x00
#define IOWIN		0x10
#define REG_ID		0x00
#define REG_VERSION	0x01
#define REG_ARBITRATION	0x02
#define REG_REDIRECTION	0x10		/* two for each pin */

/* A redirection entry (3.2.4). */
#define ENTRY_VECTOR		GENMASK_ULL(7, 0)
#define ENTRY_MODE_SHIFT	8
#define ENTRY_LOGICAL		BIT_ULL(11)
#define ENTRY_DELIVERY_STATUS	BIT_ULL(12)
#define ENTRY_REMOTE_IRR	BIT_ULL(14)
#define ENTRY_LEVEL		BIT_ULL(15)
#define ENTRY_MASKED		BIT_ULL(16)
#define ENTRY_DEST_SHIFT	56
#define ENTRY_READ_ONLY		(ENTRY_DELIVERY_STATUS | ENTRY_REMOTE_IRR)

/*
 * A guest whose handler leaves the line high gets the next interrupt with the EOI and
 * never runs anything else.  After so many in a row it is given a breath.
 */
#define STORM_COUNT	10000
#define STORM_PAUSE_NS	(10 * NSEC_PER_MSEC)

struct x86_ioapic {
	raw_spinlock_t lock;
	struct x86_vm *vm;			/* [I] */
	u64 base;				/* [a] KVM_SET_IRQCHIP may say another */
	u32 id;					/* [lock] */
	u8 regsel;				/* [lock] */
	u32 high;				/* [lock] lines as last set, by pin */
	u32 sent;				/* [lock] of them, edges that made their message */
	u64 entry[X86_IOAPIC_PINS];		/* [a] written under the lock */
	u32 sources[X86_IOAPIC_PINS];		/* [lock] */
	u16 repeated[X86_IOAPIC_PINS];		/* [lock] EOIs in a row that met a high line */
	struct hrtimer pause;
	unsigned long vectors[BITS_TO_LONGS(256)];	/* [a] those of entry[], for the EOIs */
	struct x86_chip_dev dev;
};

static unsigned int mode_of(u64 entry)
{
	return entry >> ENTRY_MODE_SHIFT & 7;
}

/* Only fixed and lowest-priority interrupts are ended; the others are edges (3.2.4). */
static bool is_level(u64 entry)
{
	return (entry & ENTRY_LEVEL) && mode_of(entry) <= X86_LOWEST;
}

/* Send the pin's message, unless masked or not ended yet.  As x86_apic_send(). */
static int send(struct x86_ioapic *ioapic, unsigned int pin)
{
	u64 entry = ioapic->entry[pin];
	struct x86_irq_msg msg = {
		.dest = entry >> ENTRY_DEST_SHIFT,
		.vector = entry & ENTRY_VECTOR,
		.mode = mode_of(entry),
		.logical = entry & ENTRY_LOGICAL,
		.level = is_level(entry),
		.assert = true,
	};
	int r;

	if ((entry & ENTRY_MASKED) || (msg.level && (entry & ENTRY_REMOTE_IRR)))
		return -1;
	if (!msg.level)
		ioapic->sent |= BIT(pin);
	r = x86_apic_send(ioapic->vm, NULL, &msg);
	/* Whom nobody took nobody will end. */
	if (r > 0 && msg.level)
		WRITE_ONCE(ioapic->entry[pin], entry | ENTRY_REMOTE_IRR);
	return r;
}

/* An edge that meets a mask is lost; a level is there when the mask goes. */
static int set_line(struct x86_ioapic *ioapic, unsigned int pin, bool level)
{
	bool before = ioapic->high & BIT(pin);

	if (!level) {
		ioapic->high &= ~BIT(pin);
		ioapic->sent &= ~BIT(pin);
		ioapic->repeated[pin] = 0;
		return 1;
	}
	ioapic->high |= BIT(pin);
	if (before && !is_level(ioapic->entry[pin]))
		return 0;
	return send(ioapic, pin);
}

int x86_ioapic_set(struct x86_vm *vm, unsigned int pin, unsigned int source, bool level)
{
	struct x86_ioapic *ioapic = vm->ioapic;
	unsigned long flags;
	int r;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	r = set_line(ioapic, pin, x86_line_level(&ioapic->sources[pin], source, level));
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return r;
}

/* ---- the end of an interrupt ---- */

static bool asserted(struct x86_ioapic *ioapic, unsigned int pin)
{
	u64 entry = ioapic->entry[pin];

	return (ioapic->high & BIT(pin)) && is_level(entry) && !(entry & ENTRY_MASKED);
}

static enum hrtimer_restart pause_ends(struct hrtimer *timer)
{
	struct x86_ioapic *ioapic = container_of(timer, struct x86_ioapic, pause);
	unsigned long flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	for (pin = 0; pin < X86_IOAPIC_PINS; pin++)
		if (asserted(ioapic, pin))
			send(ioapic, pin);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return HRTIMER_NORESTART;
}

static void end_level(struct x86_ioapic *ioapic, unsigned int pin, u8 vector)
{
	u64 entry = ioapic->entry[pin];

	if ((entry & ENTRY_VECTOR) != vector || !is_level(entry))
		return;
	WRITE_ONCE(ioapic->entry[pin], entry & ~ENTRY_REMOTE_IRR);
	if (!asserted(ioapic, pin)) {
		ioapic->repeated[pin] = 0;
	} else if (++ioapic->repeated[pin] < STORM_COUNT) {
		send(ioapic, pin);
	} else {
		ioapic->repeated[pin] = 0;
		hrtimer_start(&ioapic->pause, ns_to_ktime(STORM_PAUSE_NS), HRTIMER_MODE_REL_HARD);
	}
}

bool x86_ioapic_has_vector(struct x86_vm *vm, u8 vector)
{
	return vm->ioapic && test_bit(vector, vm->ioapic->vectors);
}

void x86_ioapic_eoi(struct x86_vm *vm, u8 vector, bool level)
{
	struct x86_ioapic *ioapic = vm->ioapic;
	unsigned long flags;
	unsigned int pin;

	if (!x86_ioapic_has_vector(vm, vector))
		return;
	for (pin = 0; pin < X86_IOAPIC_PINS; pin++) {
		if ((READ_ONCE(ioapic->entry[pin]) & ENTRY_VECTOR) != vector)
			continue;
		/* Who listens may lower the line: before it is looked at again. */
		berth_irq_acked(&vm->core, KVM_IRQCHIP_IOAPIC, pin);
		if (!level)
			continue;
		raw_spin_lock_irqsave(&ioapic->lock, flags);
		end_level(ioapic, pin, vector);
		raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	}
}

/* ---- registers ---- */

/* A vector that stays is never missing in between. */
static void entries_changed(struct x86_ioapic *ioapic)
{
	DECLARE_BITMAP(vectors, 256) = {};
	unsigned int i;

	for (i = 0; i < X86_IOAPIC_PINS; i++)
		__set_bit(ioapic->entry[i] & ENTRY_VECTOR, vectors);
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		WRITE_ONCE(ioapic->vectors[i], vectors[i]);
}

static void write_entry(struct x86_ioapic *ioapic, unsigned int pin, bool upper, u32 val)
{
	u64 old = ioapic->entry[pin], new;

	if (upper)
		new = (u32)old | (u64)val << 32;
	else
		new = (old & ~(u64)U32_MAX) | val;
	new = (new & ~ENTRY_READ_ONLY) | (old & ENTRY_READ_ONLY);
	if (!(new & ENTRY_LEVEL))
		new &= ~ENTRY_REMOTE_IRR;
	WRITE_ONCE(ioapic->entry[pin], new);
	entries_changed(ioapic);
	if ((old & ~new & ENTRY_MASKED) &&
	    berth_irq_ack_wanted(&ioapic->vm->core, KVM_IRQCHIP_IOAPIC, pin))
		x86_pit_unmasked(ioapic->vm);
	if (asserted(ioapic, pin))
		send(ioapic, pin);
}

/* The pin that the selected register belongs to; X86_IOAPIC_PINS: none. */
static unsigned int selected_pin(const struct x86_ioapic *ioapic)
{
	unsigned int pin = (ioapic->regsel - REG_REDIRECTION) / 2;

	if (ioapic->regsel < REG_REDIRECTION || pin >= X86_IOAPIC_PINS)
		return X86_IOAPIC_PINS;
	return array_index_nospec(pin, X86_IOAPIC_PINS);
}

static void write_selected(struct x86_ioapic *ioapic, u32 val)
{
	unsigned int pin = selected_pin(ioapic);

	if (pin < X86_IOAPIC_PINS)
		write_entry(ioapic, pin, ioapic->regsel & 1, val);
	else if (ioapic->regsel == REG_ID)
		ioapic->id = val >> 24 & 0xf;
}

/* Registers that are not there read as ones. */
static u32 read_selected(const struct x86_ioapic *ioapic)
{
	unsigned int pin = selected_pin(ioapic);

	if (pin < X86_IOAPIC_PINS)
		return ioapic->entry[pin] >> (ioapic->regsel & 1 ? 32 : 0);
	switch (ioapic->regsel) {
	case REG_ID:
	case REG_ARBITRATION:
		return ioapic->id << 24;
	case REG_VERSION:
		return (X86_IOAPIC_PINS - 1) << 16 | IOAPIC_VERSION;
	default:
		return U32_MAX;
	}
}

static struct x86_ioapic *present(struct berth_vcpu *vcpu, struct berth_io_device *dev)
{
	struct x86_ioapic *ioapic = container_of(dev, struct x86_ioapic, dev.io);

	if (x86_irqchip(vcpu->vm) != X86_IRQCHIP_KERNEL || READ_ONCE(ioapic->base) != IOAPIC_BASE)
		return NULL;
	return ioapic;
}

static int ioapic_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		       unsigned int len, void *data)
{
	struct x86_ioapic *ioapic = present(vcpu, dev);
	unsigned long flags;
	u32 val = 0;

	if (!ioapic)
		return -EOPNOTSUPP;
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	if (addr == IOAPIC_BASE + IOREGSEL)
		val = ioapic->regsel;
	else if (addr == IOAPIC_BASE + IOWIN)
		val = read_selected(ioapic);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	memset(data, 0, len);
	memcpy(data, &val, min_t(unsigned int, len, sizeof(val)));
	return 0;
}

static int ioapic_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
			unsigned int len, const void *data)
{
	struct x86_ioapic *ioapic = present(vcpu, dev);
	unsigned long flags;
	u32 val = 0;

	if (!ioapic)
		return -EOPNOTSUPP;
	memcpy(&val, data, min_t(unsigned int, len, sizeof(val)));
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	if (addr == IOAPIC_BASE + IOREGSEL)
		ioapic->regsel = val;
	else if (addr == IOAPIC_BASE + IOWIN)
		write_selected(ioapic, val);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return 0;
}

static const struct berth_io_ops ioapic_ops = { .read = ioapic_read, .write = ioapic_write };

/* ---- state and life ---- */

/* Edges that have had their message are not told: they would make another one. */
void x86_ioapic_get_state(struct x86_vm *vm, struct kvm_ioapic_state *state)
{
	struct x86_ioapic *ioapic = vm->ioapic;
	unsigned long flags;
	unsigned int pin;

	memset(state, 0, sizeof(*state));
	raw_spin_lock_irqsave(&ioapic->lock, flags);
	state->base_address = ioapic->base;
	state->ioregsel = ioapic->regsel;
	state->id = ioapic->id;
	state->irr = ioapic->high & ~ioapic->sent;
	for (pin = 0; pin < X86_IOAPIC_PINS; pin++)
		state->redirtbl[pin].bits = ioapic->entry[pin];
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

/* What registers cannot hold is dropped.  Lines in irr are raised, whoever is their source. */
void x86_ioapic_set_state(struct x86_vm *vm, const struct kvm_ioapic_state *state)
{
	struct x86_ioapic *ioapic = vm->ioapic;
	unsigned long flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	WRITE_ONCE(ioapic->base, state->base_address);
	ioapic->regsel = state->ioregsel;
	ioapic->id = state->id & 0xf;
	ioapic->high = 0;
	ioapic->sent = 0;
	for (pin = 0; pin < X86_IOAPIC_PINS; pin++) {
		WRITE_ONCE(ioapic->entry[pin], state->redirtbl[pin].bits);
		ioapic->repeated[pin] = 0;
	}
	entries_changed(ioapic);
	for (pin = 0; pin < X86_IOAPIC_PINS; pin++)
		if (state->irr & BIT(pin))
			set_line(ioapic, pin, true);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

static struct x86_ioapic *ioapic_alloc(struct x86_vm *vm)
{
	struct x86_ioapic *ioapic = kzalloc(sizeof(*ioapic), GFP_KERNEL_ACCOUNT);
	unsigned int pin;

	if (!ioapic)
		return NULL;
	raw_spin_lock_init(&ioapic->lock);
	ioapic->vm = vm;
	ioapic->base = IOAPIC_BASE;
	for (pin = 0; pin < X86_IOAPIC_PINS; pin++)
		ioapic->entry[pin] = ENTRY_MASKED;
	entries_changed(ioapic);
	hrtimer_init(&ioapic->pause, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	ioapic->pause.function = pause_ends;
	ioapic->dev.io = (struct berth_io_device) { &ioapic_ops, IOAPIC_BASE, IOAPIC_LEN };
	return ioapic;
}

int x86_ioapic_create(struct x86_vm *vm)
{
	if (!vm->ioapic)
		vm->ioapic = ioapic_alloc(vm);
	if (!vm->ioapic)
		return -ENOMEM;
	return x86_chip_dev_add(vm, BERTH_MMIO_BUS, &vm->ioapic->dev);
}

void x86_ioapic_destroy(struct x86_vm *vm)
{
	if (!vm->ioapic)
		return;
	hrtimer_cancel(&vm->ioapic->pause);
	kfree(vm->ioapic);
	vm->ioapic = NULL;
}
