// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pair of 8259A interrupt controllers of a PC, the second one behind line 2 of the
 * first, and the ELCR that makes lines level-triggered one by one (82371, 4.4.3).
 * Sections are those of Intel's 8259A data sheet, order number 231468.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include "irqchip.h"

#define PIC_MASTER_PORT	0x20
#define PIC_SLAVE_PORT	0xa0
#define PIC_ELCR_PORT	0x4d0

#define CASCADE		2		/* the master's line that the slave drives */
#define SPURIOUS	7

/* Timer, keyboard, cascade, clock and FPU are edge-triggered by their wiring. */
static const u8 elcr_mask[2] = { 0xf8, 0xde };

/* Command words (initialization and operation command words). */
#define ICW1		BIT(4)
#define ICW1_ICW4	BIT(0)
#define ICW4_AUTO_EOI	BIT(1)
#define ICW4_SFNM	BIT(4)
#define OCW3		BIT(3)
#define OCW3_RIS	BIT(0)
#define OCW3_RR		BIT(1)
#define OCW3_POLL	BIT(2)
#define OCW3_SMM	BIT(5)
#define OCW3_ESMM	BIT(6)
#define POLL_PENDING	BIT(7)

/* OCW2: rotate, specific, end of interrupt. */
enum ocw2 {
	OCW2_AUTO_ROTATE_CLEAR	= 0,
	OCW2_EOI		= 1,
	OCW2_SPECIFIC_EOI	= 3,
	OCW2_AUTO_ROTATE_SET	= 4,
	OCW2_ROTATE_EOI		= 5,
	OCW2_SET_PRIORITY	= 6,
	OCW2_ROTATE_SPECIFIC	= 7,
};

/* kvm_pic_state::init_state: what the data port takes next. */
enum { INIT_DONE, INIT_ICW2, INIT_ICW3, INIT_ICW4 };

struct x86_pic {
	raw_spinlock_t lock;
	struct x86_vm *vm;			/* [I] */
	struct kvm_pic_state chip[2];		/* [lock] */
	u32 sources[X86_PIC_PINS];		/* [lock] */
	u16 acked;				/* [lock] for pic_unlock(): ended interrupts */
	bool output;				/* [a] written under the lock: INTR */
	struct x86_chip_dev dev[2];
	struct x86_chip_dev elcr;
};

/* The rank, 0 highest, of the foremost of @lines; 8 without one. */
static unsigned int rank(const struct kvm_pic_state *c, u8 lines)
{
	return lines ? __ffs(ror8(lines, c->priority_add)) : 8;
}

static unsigned int line_of_rank(const struct kvm_pic_state *c, unsigned int rank)
{
	return (rank + c->priority_add) & 7;
}

/* Lines in service that hold others back; an EOI that names none ends the first. */
static u8 in_service(const struct kvm_pic_state *c)
{
	return c->special_mask ? c->isr & ~c->imr : c->isr;
}

/* The line a chip asks to be served now, or -1 (Fully Nested Mode and what modifies it). */
static int requested(const struct x86_pic *pic, unsigned int n)
{
	const struct kvm_pic_state *c = &pic->chip[n];
	u8 holding = in_service(c);
	unsigned int first;

	/* The slave's further requests are the slave's to judge. */
	if (!n && c->special_fully_nested_mode)
		holding &= ~BIT(CASCADE);
	first = rank(c, c->irr & ~c->imr);
	return first < rank(c, holding) ? (int)line_of_rank(c, first) : -1;
}

/* Work the outputs out anew.  Returns whether INTR rises. */
static bool update(struct x86_pic *pic)
{
	bool before = pic->output;

	if (requested(pic, 1) >= 0)
		pic->chip[0].irr |= BIT(CASCADE);
	else
		pic->chip[0].irr &= ~BIT(CASCADE);
	WRITE_ONCE(pic->output, requested(pic, 0) >= 0);
	return pic->output && !before;
}

static unsigned long pic_lock(struct x86_pic *pic)
	__acquires(&pic->lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	return flags;
}

/*
 * Every change ends here.  Who waits for an interrupt's end hears of it first and may
 * lower the line, so that it is not seen as a new one.
 */
static void pic_unlock(struct x86_pic *pic, unsigned long flags)
	__releases(&pic->lock)
{
	struct x86_vm *vm = pic->vm;
	unsigned long acked = pic->acked;
	unsigned int pin;
	bool rises;

	if (acked) {
		pic->acked = 0;
		raw_spin_unlock_irqrestore(&pic->lock, flags);
		for_each_set_bit(pin, &acked, X86_PIC_PINS)
			berth_irq_acked(&vm->core, pin / 8, pin % 8);
		raw_spin_lock_irqsave(&pic->lock, flags);
	}
	rises = update(pic);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	if (rises)
		x86_lapic_extint(vm);
}

/* ---- lines ---- */

static int set_line(struct kvm_pic_state *c, unsigned int line, bool level)
{
	u8 bit = BIT(line);
	int r = 1;

	if (!level) {
		c->last_irr &= ~bit;
		/* An edge stays, pulses are short. */
		if (c->elcr & bit)
			c->irr &= ~bit;
	} else {
		if ((c->elcr & bit) || !(c->last_irr & bit)) {
			r = !(c->irr & bit);
			c->irr |= bit;
		}
		c->last_irr |= bit;
	}
	return c->imr & bit ? -1 : r;
}

int x86_pic_set(struct x86_vm *vm, unsigned int pin, unsigned int source, bool level)
{
	struct x86_pic *pic = vm->pic;
	unsigned long flags = pic_lock(pic);
	int r;

	level = x86_line_level(&pic->sources[pin], source, level);
	r = set_line(&pic->chip[pin / 8], pin % 8, level);
	pic_unlock(pic, flags);
	return r;
}

bool x86_pic_output(struct x86_vm *vm)
{
	return vm->pic && READ_ONCE(vm->pic->output);
}

static void end_of_interrupt(struct x86_pic *pic, unsigned int n, unsigned int line)
{
	pic->chip[n].isr &= ~BIT(line);
	pic->acked |= BIT(line + 8 * n);
}

static void acknowledge(struct x86_pic *pic, unsigned int n, unsigned int line)
{
	struct kvm_pic_state *c = &pic->chip[n];

	c->isr |= BIT(line);
	if (!(c->elcr & BIT(line)))
		c->irr &= ~BIT(line);
	if (!c->auto_eoi)
		return;
	if (c->rotate_on_auto_eoi)
		c->priority_add = (line + 1) & 7;
	end_of_interrupt(pic, n, line);
}

/* A chip whose request is gone by now answers as for its last line (Interrupt Sequence). */
u8 x86_pic_acknowledge(struct x86_vm *vm)
{
	struct x86_pic *pic = vm->pic;
	unsigned long flags = pic_lock(pic);
	int line = requested(pic, 0);
	unsigned int n = 0;
	u8 vector;

	/* INTR falls with the first INTA pulse; what still waits raises it again. */
	WRITE_ONCE(pic->output, false);
	if (line >= 0)
		acknowledge(pic, 0, line);
	if (line == CASCADE) {
		n = 1;
		line = requested(pic, 1);
		if (line >= 0)
			acknowledge(pic, 1, line);
	}
	vector = pic->chip[n].irq_base + (line >= 0 ? line : SPURIOUS);
	pic_unlock(pic, flags);
	return vector;
}

/* ---- registers ---- */

/* ICW1 makes the chip forget all but levels. */
static void initialize(struct x86_pic *pic, unsigned int n, u8 val)
{
	struct kvm_pic_state *c = &pic->chip[n];

	pic->acked |= (c->isr | (c->irr & ~c->elcr)) << 8 * n;
	c->last_irr = 0;
	c->irr &= c->elcr;
	c->imr = 0;
	c->isr = 0;
	c->priority_add = 0;
	c->read_reg_select = 0;
	c->poll = 0;
	c->special_mask = 0;
	c->rotate_on_auto_eoi = 0;
	c->init4 = !!(val & ICW1_ICW4);
	if (!c->init4) {
		c->special_fully_nested_mode = 0;
		c->auto_eoi = 0;
	}
	c->init_state = INIT_ICW2;
}

static void ocw3(struct kvm_pic_state *c, u8 val)
{
	if (val & OCW3_POLL)
		c->poll = 1;
	if (val & OCW3_RR)
		c->read_reg_select = val & OCW3_RIS;
	if (val & OCW3_ESMM)
		c->special_mask = !!(val & OCW3_SMM);
}

static void ocw2(struct x86_pic *pic, unsigned int n, u8 val)
{
	struct kvm_pic_state *c = &pic->chip[n];
	enum ocw2 command = val >> 5;
	unsigned int line = val & 7;

	switch (command) {
	case OCW2_AUTO_ROTATE_CLEAR:
	case OCW2_AUTO_ROTATE_SET:
		c->rotate_on_auto_eoi = command == OCW2_AUTO_ROTATE_SET;
		return;
	case OCW2_EOI:
	case OCW2_ROTATE_EOI:
		if (!in_service(c))
			return;
		line = line_of_rank(c, rank(c, in_service(c)));
		fallthrough;
	case OCW2_SPECIFIC_EOI:
	case OCW2_ROTATE_SPECIFIC:
		if (c->isr & BIT(line))
			end_of_interrupt(pic, n, line);
		break;
	default:
		break;
	}
	if (command >= OCW2_ROTATE_EOI)
		c->priority_add = (line + 1) & 7;
}

static void write_mask(struct x86_pic *pic, unsigned int n, u8 val)
{
	unsigned long unmasked = pic->chip[n].imr & ~val;
	unsigned int line;

	pic->chip[n].imr = val;
	for_each_set_bit(line, &unmasked, 8)
		if (berth_irq_ack_wanted(&pic->vm->core, n, line))
			x86_pit_unmasked(pic->vm);
}

static void write_data(struct x86_pic *pic, unsigned int n, u8 val)
{
	struct kvm_pic_state *c = &pic->chip[n];

	switch (c->init_state) {
	case INIT_DONE:
		write_mask(pic, n, val);
		break;
	case INIT_ICW2:
		c->irq_base = val & 0xf8;
		c->init_state = INIT_ICW3;
		break;
	case INIT_ICW3:
		/* The cascade is wired. */
		c->init_state = c->init4 ? INIT_ICW4 : INIT_DONE;
		break;
	case INIT_ICW4:
		c->special_fully_nested_mode = !!(val & ICW4_SFNM);
		c->auto_eoi = !!(val & ICW4_AUTO_EOI);
		c->init_state = INIT_DONE;
		break;
	}
}

static void write_command(struct x86_pic *pic, unsigned int n, u8 val)
{
	if (val & ICW1)
		initialize(pic, n, val);
	else if (val & OCW3)
		ocw3(&pic->chip[n], val);
	else
		ocw2(pic, n, val);
}

/* After a poll command the next read, from either port, acknowledges (Poll Command). */
static u8 poll(struct x86_pic *pic, unsigned int n)
{
	int line = requested(pic, n);

	pic->chip[n].poll = 0;
	if (line < 0)
		return SPURIOUS;
	acknowledge(pic, n, line);
	return POLL_PENDING | line;
}

static u8 read_register(struct x86_pic *pic, unsigned int n, bool data)
{
	const struct kvm_pic_state *c = &pic->chip[n];

	if (c->poll)
		return poll(pic, n);
	if (data)
		return c->imr;
	return c->read_reg_select ? c->isr : c->irr;
}

static bool absent(struct berth_vcpu *vcpu)
{
	return x86_irqchip(vcpu->vm) != X86_IRQCHIP_KERNEL;
}

static struct x86_pic *to_pic(struct berth_io_device *dev, unsigned int *n)
{
	*n = dev->addr == PIC_SLAVE_PORT;
	return container_of(dev, struct x86_pic, dev[*n].io);
}

/* The chips sit on an 8-bit bus: wider accesses read as zero and write nothing. */
static int pic_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		    unsigned int len, void *data)
{
	unsigned int n;
	struct x86_pic *pic = to_pic(dev, &n);
	unsigned long flags;

	if (absent(vcpu))
		return -EOPNOTSUPP;
	memset(data, 0, len);
	if (len != 1)
		return 0;
	flags = pic_lock(pic);
	*(u8 *)data = read_register(pic, n, addr & 1);
	pic_unlock(pic, flags);
	return 0;
}

static int pic_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, const void *data)
{
	unsigned int n;
	struct x86_pic *pic = to_pic(dev, &n);
	unsigned long flags;

	if (absent(vcpu))
		return -EOPNOTSUPP;
	if (len != 1)
		return 0;
	flags = pic_lock(pic);
	if (addr & 1)
		write_data(pic, n, *(const u8 *)data);
	else
		write_command(pic, n, *(const u8 *)data);
	pic_unlock(pic, flags);
	return 0;
}

static int elcr_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, void *data)
{
	struct x86_pic *pic = container_of(dev, struct x86_pic, elcr.io);

	if (absent(vcpu))
		return -EOPNOTSUPP;
	memset(data, 0, len);
	if (len == 1)
		*(u8 *)data = READ_ONCE(pic->chip[addr & 1].elcr);
	return 0;
}

static int elcr_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		      unsigned int len, const void *data)
{
	struct x86_pic *pic = container_of(dev, struct x86_pic, elcr.io);
	unsigned long flags;

	if (absent(vcpu))
		return -EOPNOTSUPP;
	if (len != 1)
		return 0;
	flags = pic_lock(pic);
	pic->chip[addr & 1].elcr = *(const u8 *)data & elcr_mask[addr & 1];
	pic_unlock(pic, flags);
	return 0;
}

static const struct berth_io_ops pic_ops = { .read = pic_read, .write = pic_write };
static const struct berth_io_ops elcr_ops = { .read = elcr_read, .write = elcr_write };

/* ---- state and life ---- */

void x86_pic_get_state(struct x86_vm *vm, unsigned int chip, struct kvm_pic_state *state)
{
	struct x86_pic *pic = vm->pic;
	unsigned long flags = pic_lock(pic);

	*state = pic->chip[chip];
	raw_spin_unlock_irqrestore(&pic->lock, flags);
}

int x86_pic_set_state(struct x86_vm *vm, unsigned int chip, const struct kvm_pic_state *state)
{
	struct x86_pic *pic = vm->pic;
	struct kvm_pic_state *c = &pic->chip[chip];
	unsigned long flags;

	if (state->priority_add > 7 || state->irq_base & 7 || state->init_state > INIT_ICW4)
		return -EINVAL;
	flags = pic_lock(pic);
	*c = (struct kvm_pic_state) {
		.last_irr = state->last_irr,
		.irr = state->irr,
		.imr = state->imr,
		.isr = state->isr,
		.priority_add = state->priority_add,
		.irq_base = state->irq_base,
		.read_reg_select = !!state->read_reg_select,
		.poll = !!state->poll,
		.special_mask = !!state->special_mask,
		.init_state = state->init_state,
		.auto_eoi = !!state->auto_eoi,
		.rotate_on_auto_eoi = !!state->rotate_on_auto_eoi,
		.special_fully_nested_mode = !!state->special_fully_nested_mode,
		.init4 = !!state->init4,
		.elcr = state->elcr & elcr_mask[chip],
		.elcr_mask = elcr_mask[chip],
	};
	/* A restored request must wake whoever sleeps, whatever INTR was. */
	WRITE_ONCE(pic->output, false);
	pic_unlock(pic, flags);
	return 0;
}

static struct x86_pic *pic_alloc(struct x86_vm *vm)
{
	struct x86_pic *pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);
	unsigned int n;

	if (!pic)
		return NULL;
	raw_spin_lock_init(&pic->lock);
	pic->vm = vm;
	for (n = 0; n < 2; n++) {
		pic->chip[n].elcr_mask = elcr_mask[n];
		pic->dev[n].io = (struct berth_io_device) {
			.ops = &pic_ops,
			.addr = n ? PIC_SLAVE_PORT : PIC_MASTER_PORT,
			.len = 2,
		};
	}
	pic->elcr.io = (struct berth_io_device) { &elcr_ops, PIC_ELCR_PORT, 2 };
	return pic;
}

int x86_pic_create(struct x86_vm *vm)
{
	int r;

	if (!vm->pic)
		vm->pic = pic_alloc(vm);
	if (!vm->pic)
		return -ENOMEM;
	r = x86_chip_dev_add(vm, BERTH_PIO_BUS, &vm->pic->dev[0]);
	if (!r)
		r = x86_chip_dev_add(vm, BERTH_PIO_BUS, &vm->pic->dev[1]);
	if (!r)
		r = x86_chip_dev_add(vm, BERTH_PIO_BUS, &vm->pic->elcr);
	return r;
}

void x86_pic_destroy(struct x86_vm *vm)
{
	kfree(vm->pic);
	vm->pic = NULL;
}
