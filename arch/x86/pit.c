// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 interval timer of a PC, with the port that gates its third channel.  Counters
 * are not counted: what they would hold follows from the time since they were loaded.
 * Channel 0's output is GSI 0.  Sections are those of Intel's 8254 data sheet, order
 * number 231164.
 *
 * Reinjection: a tick that finds the one before not acknowledged by the guest waits and
 * follows the acknowledgement, so that guests that count ticks do not lose time.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "irqchip.h"

#define PIT_HZ		1193182
#define PIT_PORT	0x40
#define PIT_CHANNELS	3
#define PIT_CONTROL	3		/* the port behind the channels' */
#define PIT_GSI		0
#define PIT_MAX_COUNT	0x10000		/* what a count of 0 means */
#define PIT_MODE_NONE	0xff		/* kvm_pit_channel_state::mode before the first */

/* hrtimers are not throttled: shortest period of channel 0, as in the kernel's own KVM. */
#define PIT_MIN_PERIOD	(200 * NSEC_PER_USEC)

/* The control word, and the read-back command (Programming the 8254). */
#define CONTROL_CHANNEL(val)	((val) >> 6)
#define CONTROL_ACCESS(val)	((val) >> 4 & 3)
#define CONTROL_MODE(val)	((val) >> 1 & 7)
#define CONTROL_BCD		BIT(0)
#define READ_BACK		3	/* in place of a channel */
#define READ_BACK_NO_COUNT	BIT(5)
#define READ_BACK_NO_STATUS	BIT(4)
#define READ_BACK_CHANNEL(n)	BIT((n) + 1)
#define STATUS_OUT		BIT(7)

/* How a count goes through the 8-bit port: kvm_pit_channel_state::rw_mode and *_state. */
enum { RW_LATCH, RW_LOW, RW_HIGH, RW_WORD, RW_WORD_HIGH };

/* The speaker port, 0x61 (82371, 4.4.5). */
#define SPEAKER_PORT		0x61
#define SPEAKER_LEN		4
#define SPEAKER_GATE		BIT(0)
#define SPEAKER_DATA		BIT(1)
#define SPEAKER_REFRESH		BIT(4)
#define SPEAKER_OUT		BIT(5)
#define REFRESH_SHIFT		14	/* toggles every 15 us or so */

#define PIT_FLAGS	(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON)

struct x86_pit {
	struct x86_vm *vm;			/* [I] */
	bool whole;				/* [a] set once, last */
	struct mutex lock;
	struct kvm_pit_channel_state channel[PIT_CHANNELS];	/* [lock] */
	u32 flags;				/* [lock] KVM_PIT_FLAGS_* */

	struct hrtimer timer;			/* [lock] channel 0 */
	u64 period;				/* [I] while the timer runs; 0: once */

	raw_spinlock_t tick_lock;		/* inside everything, interrupts off */
	bool reinject;				/* [tick_lock] */
	bool unacked;				/* [tick_lock] the guest has a tick to end */
	u64 missed;				/* [tick_lock] ticks that wait for it */

	struct berth_irq_ack ack;
	struct x86_chip_dev dev;
	struct x86_chip_dev speaker;
};

static struct x86_pit *whole_pit(struct x86_vm *vm)
{
	struct x86_pit *pit = READ_ONCE(vm->pit);

	/* Pairs with the release in x86_ioctl_create_pit2(). */
	return pit && smp_load_acquire(&pit->whole) ? pit : NULL;
}

/* ---- ticks ---- */

static void forget_ticks(struct x86_pit *pit)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->tick_lock, flags);
	pit->unacked = false;
	pit->missed = 0;
	raw_spin_unlock_irqrestore(&pit->tick_lock, flags);
}

/* The output pulses, and what is masked everywhere nobody will acknowledge. */
static void pulse(struct x86_pit *pit)
{
	if (berth_irq_set(&pit->vm->core, X86_IRQ_SOURCE_PIT, PIT_GSI, true) < 0)
		forget_ticks(pit);
	berth_irq_set(&pit->vm->core, X86_IRQ_SOURCE_PIT, PIT_GSI, false);
}

static void ticks(struct x86_pit *pit, u64 n)
{
	unsigned long flags;
	bool now = true;

	raw_spin_lock_irqsave(&pit->tick_lock, flags);
	if (pit->reinject) {
		now = !pit->unacked;
		pit->missed += n - now;
		pit->unacked = true;
	}
	raw_spin_unlock_irqrestore(&pit->tick_lock, flags);
	if (now)
		pulse(pit);
}

static void pit_acked(struct berth_irq_ack *ack)
{
	struct x86_pit *pit = container_of(ack, struct x86_pit, ack);
	unsigned long flags;
	bool next;

	raw_spin_lock_irqsave(&pit->tick_lock, flags);
	next = pit->reinject && pit->unacked && pit->missed;
	pit->missed -= next;
	pit->unacked = next;
	raw_spin_unlock_irqrestore(&pit->tick_lock, flags);
	if (next)
		pulse(pit);
}

void x86_pit_unmasked(struct x86_vm *vm)
{
	struct x86_pit *pit = whole_pit(vm);

	if (pit)
		forget_ticks(pit);
}

/* A host that was late makes up for it in one go. */
static enum hrtimer_restart timer_fires(struct hrtimer *timer)
{
	struct x86_pit *pit = container_of(timer, struct x86_pit, timer);
	u64 n = 1;

	if (pit->period)
		n = hrtimer_forward_now(timer, ns_to_ktime(pit->period));
	ticks(pit, n);
	return pit->period ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static u64 count_to_ns(u32 count)
{
	return mul_u64_u32_div(count, NSEC_PER_SEC, PIT_HZ);
}

/* Channel 0 has its count: when does its output rise?  Its gate is wired high. */
static void start_timer(struct x86_pit *pit)
{
	const struct kvm_pit_channel_state *c = &pit->channel[0];
	u64 ns = count_to_ns(c->count);

	hrtimer_cancel(&pit->timer);
	forget_ticks(pit);
	if (pit->flags & KVM_PIT_FLAGS_HPET_LEGACY)
		return;
	switch (c->mode) {
	case 0:
	case 1:
	case 4:
		pit->period = 0;
		break;
	case 2:
	case 3:
		ns = max_t(u64, ns, PIT_MIN_PERIOD);
		pit->period = ns;
		break;
	default:
		return;
	}
	hrtimer_start(&pit->timer, ns_to_ktime(ns), HRTIMER_MODE_REL_HARD);
}

/* ---- counters ---- */

static void load_count(struct x86_pit *pit, unsigned int n, u32 count)
{
	struct kvm_pit_channel_state *c = &pit->channel[n];

	c->count = count ? count : PIT_MAX_COUNT;
	c->count_load_time = ktime_get_ns();
	if (!n)
		start_timer(pit);
}

/* Clock pulses since the count was loaded or the gate triggered. */
static u64 elapsed(const struct kvm_pit_channel_state *c)
{
	s64 ns = ktime_get_ns() - c->count_load_time;

	return ns > 0 ? mul_u64_u32_div(ns, PIT_HZ, NSEC_PER_SEC) : 0;
}

/* Mode Definitions.  Modes 2 and 3 start over, the others count through zero. */
static u16 current_count(const struct kvm_pit_channel_state *c)
{
	u64 pulses = elapsed(c);
	u32 even = max_t(u32, c->count & ~1u, 2);

	switch (c->mode) {
	case 0:
	case 1:
	case 4:
	case 5:
		return c->count - pulses;
	case 3:
		return even - do_div(pulses, even / 2) * 2;
	default:
		return c->count - do_div(pulses, c->count);
	}
}

static bool output(const struct kvm_pit_channel_state *c)
{
	u64 pulses = elapsed(c);

	switch (c->mode) {
	case 2:
		return do_div(pulses, c->count) != c->count - 1;
	case 3:
		return do_div(pulses, c->count) < (c->count + 1) / 2;
	case 4:
	case 5:
		return pulses != c->count;
	default:
		return pulses >= c->count;
	}
}

/* Only a rising edge matters here: counting is not suspended, as in the kernel's own KVM. */
static void set_gate(struct kvm_pit_channel_state *c, bool gate)
{
	if (gate && !c->gate && c->mode != 0 && c->mode != 4)
		c->count_load_time = ktime_get_ns();
	c->gate = gate;
}

static void latch_count(struct kvm_pit_channel_state *c)
{
	if (c->count_latched)
		return;
	c->latched_count = current_count(c);
	c->count_latched = c->rw_mode;
}

static void latch_status(struct kvm_pit_channel_state *c)
{
	if (c->status_latched)
		return;
	c->status = (output(c) ? STATUS_OUT : 0) | c->rw_mode << 4 | (c->mode & 7) << 1 | c->bcd;
	c->status_latched = 1;
}

static void write_control(struct x86_pit *pit, u8 val)
{
	unsigned int n = CONTROL_CHANNEL(val), access = CONTROL_ACCESS(val);
	struct kvm_pit_channel_state *c;

	if (n == READ_BACK) {
		for (n = 0; n < PIT_CHANNELS; n++) {
			if (!(val & READ_BACK_CHANNEL(n)))
				continue;
			if (!(val & READ_BACK_NO_COUNT))
				latch_count(&pit->channel[n]);
			if (!(val & READ_BACK_NO_STATUS))
				latch_status(&pit->channel[n]);
		}
		return;
	}
	c = &pit->channel[n];
	if (access == RW_LATCH) {
		latch_count(c);
		return;
	}
	c->rw_mode = access;
	c->read_state = access;
	c->write_state = access;
	/* Bit 2 of modes 2 and 3 is any. */
	c->mode = CONTROL_MODE(val) > 5 ? CONTROL_MODE(val) & 3 : CONTROL_MODE(val);
	c->bcd = val & CONTROL_BCD;
}

static void write_count(struct x86_pit *pit, unsigned int n, u8 val)
{
	struct kvm_pit_channel_state *c = &pit->channel[n];

	switch (c->write_state) {
	case RW_WORD:
		c->write_latch = val;
		c->write_state = RW_WORD_HIGH;
		break;
	case RW_WORD_HIGH:
		c->write_state = RW_WORD;
		load_count(pit, n, c->write_latch | val << 8);
		break;
	case RW_HIGH:
		load_count(pit, n, val << 8);
		break;
	default:
		load_count(pit, n, val);
		break;
	}
}

static u8 read_latched(struct kvm_pit_channel_state *c)
{
	bool low = c->count_latched == RW_LOW || c->count_latched == RW_WORD;

	c->count_latched = c->count_latched == RW_WORD ? RW_HIGH : 0;
	return low ? c->latched_count : c->latched_count >> 8;
}

static u8 read_channel(struct kvm_pit_channel_state *c)
{
	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched)
		return read_latched(c);
	switch (c->read_state) {
	case RW_WORD:
		c->read_state = RW_WORD_HIGH;
		return current_count(c);
	case RW_WORD_HIGH:
		c->read_state = RW_WORD;
		return current_count(c) >> 8;
	case RW_HIGH:
		return current_count(c) >> 8;
	default:
		return current_count(c);
	}
}

/* ---- ports ---- */

/* Of a wider access the low byte counts. */
static int pit_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		     unsigned int len, const void *data)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, dev.io);
	unsigned int n = addr & 3;

	if (!whole_pit(pit->vm))
		return -EOPNOTSUPP;
	mutex_lock(&pit->lock);
	if (n == PIT_CONTROL)
		write_control(pit, *(const u8 *)data);
	else
		write_count(pit, array_index_nospec(n, PIT_CHANNELS), *(const u8 *)data);
	mutex_unlock(&pit->lock);
	return 0;
}

static int pit_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
		    unsigned int len, void *data)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, dev.io);
	unsigned int n = addr & 3;

	if (!whole_pit(pit->vm))
		return -EOPNOTSUPP;
	memset(data, 0, len);
	if (n == PIT_CONTROL)
		return 0;
	n = array_index_nospec(n, PIT_CHANNELS);
	mutex_lock(&pit->lock);
	*(u8 *)data = read_channel(&pit->channel[n]);
	mutex_unlock(&pit->lock);
	return 0;
}

static int speaker_write(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
			 unsigned int len, const void *data)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, speaker.io);
	u8 val = *(const u8 *)data;

	if (addr != SPEAKER_PORT || !whole_pit(pit->vm))
		return -EOPNOTSUPP;
	mutex_lock(&pit->lock);
	pit->flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (val & SPEAKER_DATA)
		pit->flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	set_gate(&pit->channel[2], val & SPEAKER_GATE);
	mutex_unlock(&pit->lock);
	return 0;
}

static int speaker_read(struct berth_vcpu *vcpu, struct berth_io_device *dev, gpa_t addr,
			unsigned int len, void *data)
{
	struct x86_pit *pit = container_of(dev, struct x86_pit, speaker.io);
	u8 val = 0;

	if (addr != SPEAKER_PORT || !whole_pit(pit->vm))
		return -EOPNOTSUPP;
	mutex_lock(&pit->lock);
	if (pit->channel[2].gate)
		val |= SPEAKER_GATE;
	if (pit->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON)
		val |= SPEAKER_DATA;
	if (ktime_get_ns() & BIT_ULL(REFRESH_SHIFT))
		val |= SPEAKER_REFRESH;
	if (output(&pit->channel[2]))
		val |= SPEAKER_OUT;
	mutex_unlock(&pit->lock);
	memset(data, 0, len);
	*(u8 *)data = val;
	return 0;
}

static const struct berth_io_ops pit_ops = { .read = pit_read, .write = pit_write };
static const struct berth_io_ops speaker_ops = { .read = speaker_read, .write = speaker_write };

/* ---- state ---- */

static bool channel_valid(const struct kvm_pit_channel_state *c)
{
	return c->count <= PIT_MAX_COUNT && (c->mode <= 5 || c->mode == PIT_MODE_NONE) &&
	       c->rw_mode <= RW_WORD && c->count_latched <= RW_WORD &&
	       c->read_state <= RW_WORD_HIGH && c->write_state <= RW_WORD_HIGH &&
	       c->bcd <= 1 && c->gate <= 1 && c->status_latched <= 1;
}

long x86_ioctl_get_pit2(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_pit *pit = whole_pit(to_x86_vm(vm));
	struct kvm_pit_state2 *state = data;

	if (!pit)
		return -ENXIO;
	memset(state, 0, sizeof(*state));
	mutex_lock(&pit->lock);
	memcpy(state->channels, pit->channel, sizeof(state->channels));
	state->flags = pit->flags;
	mutex_unlock(&pit->lock);
	return 0;
}

/* Counting starts over: times of another host mean nothing here. */
long x86_ioctl_set_pit2(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_pit *pit = whole_pit(to_x86_vm(vm));
	const struct kvm_pit_state2 *state = data;
	unsigned int n;

	if (!pit)
		return -ENXIO;
	if (state->flags & ~PIT_FLAGS)
		return -EINVAL;
	for (n = 0; n < PIT_CHANNELS; n++)
		if (!channel_valid(&state->channels[n]))
			return -EINVAL;
	mutex_lock(&pit->lock);
	pit->flags = state->flags;
	memcpy(pit->channel, state->channels, sizeof(pit->channel));
	for (n = 0; n < PIT_CHANNELS; n++)
		load_count(pit, n, state->channels[n].count);
	mutex_unlock(&pit->lock);
	return 0;
}

/* KVM_GET_PIT and KVM_SET_PIT: without the flags, which stay. */
long x86_ioctl_get_pit(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct kvm_pit_state *old = data;
	struct kvm_pit_state2 state;
	long r = x86_ioctl_get_pit2(vm, &state, 0);

	if (!r)
		memcpy(old->channels, state.channels, sizeof(old->channels));
	return r;
}

long x86_ioctl_set_pit(struct berth_vm *vm, void *data, unsigned long uarg)
{
	const struct kvm_pit_state *old = data;
	struct kvm_pit_state2 state;
	long r = x86_ioctl_get_pit2(vm, &state, 0);

	if (r)
		return r;
	memcpy(state.channels, old->channels, sizeof(state.channels));
	return x86_ioctl_set_pit2(vm, &state, 0);
}

/* The number says nothing of an argument: it is copied here. */
long x86_ioctl_reinject_control(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_pit *pit = whole_pit(to_x86_vm(vm));
	struct kvm_reinject_control control;
	bool changed;

	if (copy_from_user(&control, (void __user *)uarg, sizeof(control)))
		return -EFAULT;
	if (!pit)
		return -ENXIO;
	raw_spin_lock_irq(&pit->tick_lock);
	changed = pit->reinject != !!control.pit_reinject;
	pit->reinject = control.pit_reinject;
	raw_spin_unlock_irq(&pit->tick_lock);
	if (changed)
		forget_ticks(pit);
	return 0;
}

/* ---- life ---- */

static struct x86_pit *pit_alloc(struct x86_vm *vm)
{
	struct x86_pit *pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	unsigned int n;

	if (!pit)
		return NULL;
	pit->vm = vm;
	mutex_init(&pit->lock);
	raw_spin_lock_init(&pit->tick_lock);
	pit->reinject = true;
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	pit->timer.function = timer_fires;
	pit->ack.gsi = PIT_GSI;
	pit->ack.acked = pit_acked;
	pit->dev.io = (struct berth_io_device) { &pit_ops, PIT_PORT, PIT_CHANNELS + 1 };
	pit->speaker.io = (struct berth_io_device) { &speaker_ops, SPEAKER_PORT, SPEAKER_LEN };
	for (n = 0; n < PIT_CHANNELS; n++) {
		pit->channel[n].mode = PIT_MODE_NONE;
		pit->channel[n].gate = n != 2;
		load_count(pit, n, 0);
	}
	return pit;
}

/*
 * KVM_CREATE_PIT2 (api.rst 4.72): -EEXIST, -ENOENT without the PIC in the kernel.
 * Unknown flags mean nothing, as in the kernel's own KVM.
 */
long x86_ioctl_create_pit2(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct x86_vm *xvm = to_x86_vm(vm);
	const struct kvm_pit_config *config = data;
	int r;

	if (whole_pit(xvm))
		return -EEXIST;
	if (x86_irqchip(vm) != X86_IRQCHIP_KERNEL)
		return -ENOENT;
	if (!xvm->pit)
		WRITE_ONCE(xvm->pit, pit_alloc(xvm));
	if (!xvm->pit)
		return -ENOMEM;
	r = x86_chip_dev_add(xvm, BERTH_PIO_BUS, &xvm->pit->dev);
	if (!r && (config->flags & KVM_PIT_SPEAKER_DUMMY))
		r = x86_chip_dev_add(xvm, BERTH_PIO_BUS, &xvm->pit->speaker);
	if (r)
		return r;
	mutex_lock(&vm->irq_lock);
	berth_irq_ack_add(vm, &xvm->pit->ack);
	mutex_unlock(&vm->irq_lock);
	/* Pairs with whole_pit(). */
	smp_store_release(&xvm->pit->whole, true);
	return 0;
}

/* KVM_CREATE_PIT: with the speaker's port. */
long x86_ioctl_create_pit(struct berth_vm *vm, void *data, unsigned long uarg)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };

	return x86_ioctl_create_pit2(vm, &config, 0);
}

void x86_pit_destroy(struct x86_vm *vm)
{
	struct x86_pit *pit = vm->pit;

	if (!pit)
		return;
	hrtimer_cancel(&pit->timer);
	if (pit->whole) {
		mutex_lock(&vm->core.irq_lock);
		berth_irq_ack_remove(&vm->core, &pit->ack);
		mutex_unlock(&vm->core.irq_lock);
	}
	kfree(pit);
	vm->pit = NULL;
}
