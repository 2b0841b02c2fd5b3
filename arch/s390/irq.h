/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interruptions that wait: those of a vCPU, and the floating ones that any vCPU of the VM may
 * take.  irq.c delivers both, in the order of PoP ch. 6.
 */
#ifndef BERTH_S390_IRQ_H
#define BERTH_S390_IRQ_H

#include <berth/types.h>
#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/spinlock.h>

struct sie_vm;
struct sie_vcpu;

/* A vCPU's own, in the order in which they are delivered. */
enum sie_irq {
	SIE_IRQ_SET_PREFIX,		/* where all others are stored */
	SIE_IRQ_MCHK_EXIGENT,
	SIE_IRQ_PROGRAM,
	SIE_IRQ_MCHK,
	SIE_IRQ_EMERGENCY,
	SIE_IRQ_EXTERNAL_CALL,
	SIE_IRQ_CLOCK_COMPARATOR,
	SIE_IRQ_CPU_TIMER,
	SIE_IRQ_PFAULT_INIT,
	SIE_IRQ_RESTART,
	SIE_IRQ_STOP,
};

#define SIE_MAX_CPU_ADDRESS	256

struct sie_local {
	spinlock_t lock;		/* taken with interrupts off */
	unsigned long pending;		/* [lock], read by anyone: bits of enum sie_irq */
	struct kvm_s390_pgm_info pgm;	/* [lock] and so on */
	struct kvm_s390_mchk_info mchk;	/* of both kinds */
	struct kvm_s390_ext_info pfault;
	DECLARE_BITMAP(emergency, SIE_MAX_CPU_ADDRESS);
	u16 external_call;
	u32 prefix;
	u32 stop_flags;
};

#define SIE_NR_ISC	8

/* One that waits in a list: I/O, or what the host tells the guest. */
struct sie_waiting {
	struct list_head link;
	struct kvm_s390_irq irq;
};

struct sie_adapter {
	u32 id;
	u8 isc;
	bool maskable, masked, swap, suppressible;
};

#define SIE_MAX_ADAPTERS	64	/* MAX_S390_IO_ADAPTERS of the ABI */

struct sie_floating {
	spinlock_t lock;		/* taken with interrupts off */
	unsigned long pending;		/* [lock], read by anyone: SIE_FLOATING_* */
	struct list_head io[SIE_NR_ISC];	/* [lock] and so on */
	struct list_head pfault_done;
	struct list_head virtio;
	struct kvm_s390_ext_info service;
	struct kvm_s390_mchk_info mchk;
	unsigned int nr;		/* of those in lists */
	u8 simm, nimm;			/* ISCs that are in single, and in no-interruption mode */
	struct mutex adapters_lock;
	struct sie_adapter *adapters[SIE_MAX_ADAPTERS];
	bool has_flic;			/* [l] */
};

/* Bits of pending. */
#define SIE_FLOATING_IO(isc)	BIT(isc)
#define SIE_FLOATING_IO_ALL	0xff
#define SIE_FLOATING_SERVICE	BIT(8)
#define SIE_FLOATING_PFAULT	BIT(9)
#define SIE_FLOATING_VIRTIO	BIT(10)
#define SIE_FLOATING_MCHK	BIT(11)

void sie_floating_init(struct sie_vm *vm);
void sie_floating_destroy(struct sie_vm *vm);

/* Every pending one that may be taken is; SIE is told to ask about the rest.  0 or -errno. */
int sie_deliver(struct sie_vcpu *v);
/* Is there one that @v would take now, or is it to stop? */
bool sie_deliverable(struct sie_vcpu *v);
/*
 * The guest waits from now on.  False: it has no need to.  Then, of a vCPU that is blocked: is
 * there still nothing that it would take?  Its timers wake it up.  Context: its thread.
 */
bool sie_wait(struct sie_vcpu *v);
bool sie_wait_goes_on(struct sie_vcpu *v);
void sie_wait_end(struct sie_vcpu *v);

/*
 * A vCPU's: 0; -EBUSY, -EINVAL for one that cannot be; SIE_STANDS for the stop of a CPU that is
 * stopped, of which sie_stop_done() does the rest.  Any context.
 */
#define SIE_STANDS	1
int sie_inject(struct sie_vcpu *v, const struct kvm_s390_irq *irq);
/* A floating one.  As above; -EBUSY when there are too many, -ENOMEM. */
int sie_inject_vm(struct sie_vm *vm, const struct kvm_s390_irq *irq);
/* The guest's own program interruption by its code alone.  Returns BERTH_RUN_AGAIN. */
int sie_pgm(struct sie_vcpu *v, u16 code);
/* Forget what is the vCPU's; what is the VM's. */
void sie_clear_local(struct sie_vcpu *v);
void sie_clear_floating(struct sie_vm *vm);
/*
 * Take an I/O interruption off the lists: of the ISCs in @isc_mask (bit 7 is ISC 0), or of one
 * subchannel (@schid not 0).  The caller frees it; NULL: none.
 */
struct sie_waiting *sie_take_io(struct sie_vm *vm, u8 isc_mask, u32 schid);
/* Put one back that sie_take_io() took. */
void sie_return_io(struct sie_vm *vm, struct sie_waiting *waiting);

/* flic.c: adapters, and the device. */
extern const struct berth_irq_ops sie_irq_ops;
extern const struct berth_device_type sie_flic_type;
int sie_flic_setup(void);
void sie_flic_unsetup(void);
void sie_flic_flush(void);

#endif
