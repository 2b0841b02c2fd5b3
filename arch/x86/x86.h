/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the x86 backend's files share: the vCPU and VM, what AMD-V and VT-x each
 * supply (struct x86_vendor), and the functions of one file the others call.
 */
#ifndef BERTH_X86_H
#define BERTH_X86_H

#include <berth/backend.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include "emulate.h"
#include "pv.h"

#define X86_MAX_CPUID_ENTRIES	256
#define X86_MCE_BANKS		32

/* The ABI is the same whatever the host kernel: what 6.12 added. */
#ifndef KVM_X86_QUIRK_SLOT_ZAP_ALL
#define KVM_X86_QUIRK_SLOT_ZAP_ALL	(1 << 7)
#endif
#ifndef KVM_CAP_X86_APIC_BUS_CYCLES_NS
#define KVM_CAP_X86_APIC_BUS_CYCLES_NS	237
#endif

/* A local APIC's timer counts at 1 GHz where user space says nothing else. */
#define X86_APIC_TICK_NS	1

/* General registers are numbered as instructions encode them (decode.h). */
#define X86_NR_GPRS	X86_NR_GPR
enum {
	X86_R8 = 8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15,
};

/* Segment registers: those of enum x86_segreg, then the system ones. */
enum x86_segment {
	X86_TR = X86_NR_SEG,
	X86_LDTR,
	X86_NR_SEGMENTS,
};

/* The backend's own requests. */
enum x86_request {
	X86_REQ_EVENT = BERTH_REQ_ARCH,	/* an event may have become deliverable */
	X86_REQ_CLOCK,			/* the guest's clock must be written */
	X86_REQ_STEAL,			/* and its stolen time */
	X86_REQ_MSR_FILTER,		/* which MSRs must exit */
	X86_REQ_TRAPS,			/* what else must: update_traps */
};

/*
 * One event of each kind may wait.  "injected" means handed to the hardware and
 * perhaps to be handed again, because delivery itself exited (APM vol. 2, 15.20).
 */
struct x86_events {
	struct {
		bool pending;
		bool injected;
		bool has_error;
		bool has_payload;	/* payload not yet in CR2/DR6 */
		u8 vector;
		u32 error;
		u64 payload;
	} exception;
	struct {
		bool injected;
		bool soft;
		u8 nr;
	} interrupt;
	struct {
		u8 pending;		/* 0..2 */
		bool injected;
	} nmi;
	bool triple_fault;
	bool apic;			/* look whether the local APIC or PIC has one */
};

/* A part, of at most 8 bytes, of an emulated access that no memory answers. */
struct x86_mmio_access {
	gpa_t gpa;
	u8 len;
	bool done;			/* reads: data is user space's answer */
	u8 data[8];
};

/*
 * An instruction on its way through user space.  A read is asked for, then the
 * instruction runs again and finds the answer here; a write is posted: the
 * instruction retires and user space sees it before the guest goes on.
 */
#define X86_MMIO_MAX	8
struct x86_mmio {
	struct x86_insn insn;
	gpa_t fault_gpa;		/* where the second stage had no memory */
	bool fault_gpa_valid;
	bool fault_write;		/* what the guest tried there */
	u16 io_port;			/* string I/O the processor permitted; */
	u8 io_size;			/* 0: none */
	bool io_in;
	u64 rip;			/* where the instruction is */
	bool pio_pending;		/* kvm_run->io is out for an IN */
	bool pio_done;			/* and answered */
	bool pio_posted;		/* kvm_run->io holds an OUT to be shown */
	bool stepped;			/* TF was set: a single step ends the instruction */
	u8 nr_reads, next_read;
	u8 nr_writes, next_write;
	struct x86_mmio_access read[X86_MMIO_MAX];
	struct x86_mmio_access write[X86_MMIO_MAX];
};

struct x86_vcpu {
	struct berth_vcpu core;		/* first */

	/* Guest registers while outside the guest. [o] */
	u64 gpr[X86_NR_GPRS];
	u64 rip;
	u64 rflags;
	u64 db[4];			/* DR0..DR3 */
	u64 dr6;
	u64 dr7;
	u64 cr8;
	u64 xcr0;
	u64 apic_base;
	u64 tsc_offset;
	u64 tsc_ratio;			/* to the host's, as x86_tsc_scale has it */
	u32 tsc_khz;
	u32 mp_state;			/* KVM_MP_STATE_* */
	bool nmi_masked;

	struct x86_events ev;

	/* How to finish the last exit to user space; NULL: nothing to finish. */
	int (*complete)(struct x86_vcpu *v);
	struct {
		u64 rip;		/* of the IN or OUT user space works on */
		u64 next_rip;
		u8 size;
	} pio;
	u8 insn_len;			/* of the MSR access or hypercall user space answers */
	struct x86_mmio mmio;
	u8 fetched[X86_INSN_MAX];	/* instruction bytes the exit itself brought */
	u8 nr_fetched;
	u8 sync_regs;			/* kvm_run->kvm_valid_regs, read once */
	bool want_irq_window;		/* kvm_run->request_interrupt_window, read once */

	struct fpu_guest fpu;
	u64 supported_xcr0;		/* by the guest's CPUID */

	/* KVM_SET_CPUID2 [v] and what follows from it */
	struct kvm_cpuid_entry2 *cpuid;
	unsigned int nr_cpuid;
	u64 cr4_reserved;
	u64 efer_reserved;
	u8 maxphyaddr;

	/* MSRs the backend only keeps; see msr.c for which they are. */
	u64 *msr_store;
	u64 mcg_cap;
	u64 mcg_status;
	u64 mcg_ctl;
	u64 *mce_banks;			/* 4 * X86_MCE_BANKS */

	struct kvm_guest_debug_arch debug;	/* while guest_debug is on */
	unsigned long singlestep_rip;

	struct x86_pv_vcpu pv;

	struct x86_lapic *lapic;	/* [I] NULL: user space has it */

	void *vendor;			/* [I] struct svm_vcpu or vmx_vcpu */
};

struct x86_vm {
	struct berth_vm core;		/* first */
	u64 tss_addr;			/* [l] */
	u64 identity_map_addr;		/* [l] */
	struct x86_clock clock;
	u32 default_tsc_khz;		/* [l] */
	u64 disabled_quirks;		/* [a] KVM_X86_QUIRK_* */
	u32 disabled_exits;		/* [a] KVM_X86_DISABLE_EXITS_* */
	u32 hypercall_exits;		/* [a] by number */
	bool exit_on_emulation_failure;	/* [a] */
	bool platform_info_hidden;	/* [a] */
	bool exception_payload;		/* [a] KVM_CAP_EXCEPTION_PAYLOAD */
	bool triple_fault_event;	/* [a] KVM_CAP_X86_TRIPLE_FAULT_EVENT */
	u32 msr_policy;			/* [a] KVM_MSR_EXIT_REASON_*, X86_MSR_POLICY_FILTER */
	struct x86_msr_filter __rcu *msr_filter;	/* [r][l] */

	/* Interrupt controllers (irq.h).  Set once, the controllers first. */
	int irqchip;			/* [a] enum x86_irqchip */
	struct x86_apic_map __rcu *apic_map;	/* [r][apic_map_lock] */
	struct mutex apic_map_lock;
	struct x86_pic *pic;		/* [I] once irqchip says so */
	struct x86_ioapic *ioapic;	/* [I] */
	struct x86_pit *pit;		/* [l] */
	u32 bsp_id;			/* [l] KVM_SET_BOOT_CPU_ID */
	u32 apic_tick_ns;		/* [I] once a vCPU exists */
	u32 max_vcpu_ids;		/* [l] KVM_CAP_MAX_VCPU_ID; 0: not set */
	bool x2apic_format;		/* [a] KVM_X2APIC_API_USE_32BIT_IDS */
	bool x2apic_quirk_off;		/* [a] KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK */
};

static inline struct x86_vcpu *to_x86(struct berth_vcpu *vcpu)
{
	return container_of(vcpu, struct x86_vcpu, core);
}

static inline struct x86_vm *to_x86_vm(struct berth_vm *vm)
{
	return container_of(vm, struct x86_vm, core);
}

/* Does the VM have this quirk still?  KVM_X86_QUIRK_* */
static inline bool x86_quirk(const struct x86_vcpu *v, u64 quirk)
{
	return !(READ_ONCE(to_x86_vm(v->core.vm)->disabled_quirks) & quirk);
}

/* How instructions run at this moment, in one piece. */
struct x86_context {
	enum x86_mode mode;
	u8 cpl;
	u64 linear_rip;
	u64 cr0, cr3, cr4, efer;
};

/*
 * What AMD-V and VT-x do differently.  Context: the vCPU is loaded unless said
 * otherwise.  No entry is NULL.
 *
 * setup, unsetup, cpu_enable, cpu_disable, vcpu_*, run: as in the contract.
 * get_segment, set_segment: struct kvm_segment as the ABI has it.
 * get_table, set_table: GDTR and IDTR.
 * get_context, get_emul_seg: what decoding and emulating an instruction need of it.
 * get_cr, set_cr: CR0, 2, 3, 4 as the guest sees them; set does no checks.
 * get_msr, set_msr: MSRs the control structure holds (FS_BASE, STAR, SYSENTER...).
 *	0, or -ENOENT when it is not one of those.  set does no checks.
 * get_shadow, set_shadow: the interrupt shadow, KVM_X86_SHADOW_INT_*.
 * update_traps: guest_debug, disabled_exits, DR7, nmi_masked, CR0/4, XCR0 or CPUID changed: redo
 *	intercepts and the debug registers.
 * tlb_flush: drop this vCPU's translations before its next entry.
 * write_tsc: v->tsc_offset or v->tsc_ratio changed.
 * update_msr_filter: the guest's direct accesses are again those that
 *	x86_msr_allowed() allows.
 */
struct x86_vendor {
	const char *name;
	int (*setup)(const char **why);
	void (*unsetup)(void);
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);
	const struct s2_format *(*s2_format)(void);
	int (*vcpu_init)(struct x86_vcpu *v);
	void (*vcpu_destroy)(struct x86_vcpu *v);
	void (*vcpu_load)(struct x86_vcpu *v, unsigned int cpu);
	void (*vcpu_put)(struct x86_vcpu *v);
	int (*run)(struct x86_vcpu *v);
	void (*get_segment)(struct x86_vcpu *v, struct kvm_segment *seg, unsigned int nr);
	void (*set_segment)(struct x86_vcpu *v, const struct kvm_segment *seg, unsigned int nr);
	void (*get_table)(struct x86_vcpu *v, struct kvm_dtable *gdt, struct kvm_dtable *idt);
	void (*set_table)(struct x86_vcpu *v, const struct kvm_dtable *gdt,
			  const struct kvm_dtable *idt);
	u64 (*get_cr)(struct x86_vcpu *v, unsigned int nr);
	void (*set_cr)(struct x86_vcpu *v, unsigned int nr, u64 value);
	u64 (*get_efer)(struct x86_vcpu *v);
	void (*set_efer)(struct x86_vcpu *v, u64 value);
	unsigned int (*get_cpl)(struct x86_vcpu *v);
	void (*get_context)(struct x86_vcpu *v, struct x86_context *c);
	void (*get_emul_seg)(struct x86_vcpu *v, struct x86_seg *seg, unsigned int nr);
	int (*get_msr)(struct x86_vcpu *v, u32 index, u64 *data);
	int (*set_msr)(struct x86_vcpu *v, u32 index, u64 data);
	u32 (*get_shadow)(struct x86_vcpu *v);
	void (*set_shadow)(struct x86_vcpu *v, u32 shadow);
	void (*update_traps)(struct x86_vcpu *v);
	void (*tlb_flush)(struct x86_vcpu *v);
	void (*write_tsc)(struct x86_vcpu *v);
	void (*update_msr_filter)(struct x86_vcpu *v);
	void (*dump)(struct x86_vcpu *v);
};

extern const struct x86_vendor *x86_vendor;	/* set once by x86_setup() */
extern const struct x86_vendor svm_vendor;

BERTH_DECLARE_BACKEND(x86)

/* The requests that are alike for both vendors, before an entry. */
#define X86_COMMON_REQUESTS	(~(BIT(X86_REQ_EVENT + 1) - 1))
void x86_serve_requests(struct x86_vcpu *v);

/* ---- events.c: exceptions, interrupts, NMIs ---- */

/*
 * Queue an exception for the guest.  A second one while one is pending or injected
 * becomes a double or triple fault as the manuals have it (APM vol. 2, 8.2.9).
 */
void x86_queue_exception(struct x86_vcpu *v, u8 vector);
void x86_queue_exception_error(struct x86_vcpu *v, u8 vector, u32 error);
void x86_queue_page_fault(struct x86_vcpu *v, u64 cr2, u32 error);
void x86_queue_debug(struct x86_vcpu *v, u64 dr6_bits);

static inline void x86_inject_gp(struct x86_vcpu *v)
{
	x86_queue_exception_error(v, 13, 0);
}

/* The vendor hands the pending exception to the hardware: its side effects. */
void x86_deliver_exception(struct x86_vcpu *v);

/* May an external interrupt be delivered now?  (IF, shadow, nothing else on its way) */
bool x86_interrupt_allowed(struct x86_vcpu *v);

/* May user space's interrupt controller interrupt the guest now? */
bool x86_window_open(struct x86_vcpu *v);
/* It may, and has asked to hear of it: kvm_run is filled. */
bool x86_exit_window(struct x86_vcpu *v);

/* One NMI can wait behind one that is being handled; two when none is. */
u8 x86_nmi_limit(const struct x86_vcpu *v);

/* KVM_INTERRUPT, KVM_NMI, GET/SET_VCPU_EVENTS */
long x86_ioctl_interrupt(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_nmi(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_events(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/*
 * ---- exits.c: what both vendors' exit handlers do ----
 * All return enum berth_run or -errno.  @len: the instruction's length, 0 to decode it.
 */

/* RIP moves past the instruction, the interrupt shadow ends, a single step is due. */
int x86_skip_insn(struct x86_vcpu *v, unsigned int len);
/* The same where the instruction is most likely the @n bytes of @opcode, first byte lowest. */
int x86_skip_opcode(struct x86_vcpu *v, unsigned int len, u32 opcode, unsigned int n);
/* RFLAGS.TF was set when the instruction began: a #DB follows it (APM vol. 2, 13.1.4). */
int x86_single_step(struct x86_vcpu *v);
int x86_exit_cpuid(struct x86_vcpu *v, unsigned int len);
int x86_exit_rdmsr(struct x86_vcpu *v, unsigned int len);
int x86_exit_wrmsr(struct x86_vcpu *v, unsigned int len);
/* Their end: with @data the value read. */
int x86_finish_msr(struct x86_vcpu *v, unsigned int len, const u64 *data);
int x86_exit_hlt(struct x86_vcpu *v, unsigned int len);
int x86_exit_xsetbv(struct x86_vcpu *v, unsigned int len);
int x86_exit_rdpmc(struct x86_vcpu *v, unsigned int len);
int x86_exit_hypercall(struct x86_vcpu *v, unsigned int len);
int x86_skip_hypercall(struct x86_vcpu *v, unsigned int len);
/* IN and OUT of @size bytes; string forms are emulated as a whole. */
int x86_exit_pio(struct x86_vcpu *v, u16 port, unsigned int size, bool in, bool string,
		 bool rep, u64 next_rip);
/* KVM_EXIT_DEBUG */
int x86_exit_debug(struct x86_vcpu *v, u8 vector, u64 dr6, u64 pc);
/* KVM_EXIT_INTERNAL_ERROR with @n values (at most 4) */
int x86_exit_internal_error(struct x86_vcpu *v, u32 suberror, unsigned int n, ...);

/* ---- hypercall.c, which also has x86_exit_hypercall() ---- */
void x86_patch_insn(struct x86_vcpu *v, const void *bytes, unsigned int n);

/* ---- emulation.c ---- */

/* Fetch, decode and execute the instruction at RIP. */
int x86_exit_emulate(struct x86_vcpu *v);
/* The same for INS and OUTS, which the processor let access @port. */
int x86_exit_string_pio(struct x86_vcpu *v, u16 port, unsigned int size, bool in);
/* The guest touched @gpa, where no slot is, or wrote to a read-only one. */
int x86_exit_mmio(struct x86_vcpu *v, gpa_t gpa, u32 access);
/*
 * Decode the instruction at RIP: BERTH_RUN_AGAIN, with insn->len 0 when a fault was
 * queued instead; BERTH_RUN_USER when user space must hear of a failure.
 */
int x86_fetch_insn(struct x86_vcpu *v, struct x86_insn *insn);
/* Are the @n (at most 4) bytes at RIP those of @opcode?  False also when unreadable. */
bool x86_code_is(struct x86_vcpu *v, u32 opcode, unsigned int n);

/* ---- regs.c: registers as ioctls and instructions set them ---- */

/* Would the hardware accept the value?  0, or 1 for #GP. */
int x86_write_cr0(struct x86_vcpu *v, u64 value);
int x86_write_cr3(struct x86_vcpu *v, u64 value);
int x86_write_cr4(struct x86_vcpu *v, u64 value);
int x86_write_cr8(struct x86_vcpu *v, u64 value);
int x86_write_efer(struct x86_vcpu *v, u64 value);
bool x86_xcr0_valid(const struct x86_vcpu *v, u64 value);
int x86_write_xcr0(struct x86_vcpu *v, u64 value);
/* MOV to DR: 0, or 1 for #GP */
int x86_write_dr(struct x86_vcpu *v, unsigned int nr, u64 value);
u64 x86_read_dr(struct x86_vcpu *v, unsigned int nr);

/* The mode instructions run in. */
static inline enum x86_mode x86_mode(struct x86_vcpu *v)
{
	struct x86_context c;

	x86_vendor->get_context(v, &c);
	return c.mode;
}

/* Power-on state (APM vol. 2, 14.1.3), also after INIT with @init. */
void x86_reset_regs(struct x86_vcpu *v, bool init);

/* ---- cpuid.c ---- */
/* Run CPUID for the guest: @eax/@ecx in, all four out. */
void x86_cpuid(struct x86_vcpu *v, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
/* Does the guest's CPUID show X86_FEATURE_@feature (kernel's cpufeatures.h number)? */
bool x86_guest_has(struct x86_vcpu *v, unsigned int feature);
bool x86_guest_is_intel(struct x86_vcpu *v);
/* Has it MONITOR and MWAIT, by CPUID or by IA32_MISC_ENABLE? */
bool x86_guest_has_mwait(struct x86_vcpu *v);
long x86_ioctl_get_supported_cpuid(void *data, unsigned long uarg);
long x86_ioctl_get_emulated_cpuid(void *data, unsigned long uarg);
long x86_ioctl_set_cpuid(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_cpuid2(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_cpuid2(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/* ---- msr.c ---- */
/*
 * RDMSR and WRMSR.  0; 1 or, when there is no such register, X86_MSR_UNKNOWN for #GP.
 * @host: user space asks (KVM_GET/SET_MSRS), which may set what the guest cannot.
 */
#define X86_MSR_UNKNOWN	2
int x86_get_msr(struct x86_vcpu *v, u32 index, u64 *data, bool host);
int x86_set_msr(struct x86_vcpu *v, u32 index, u64 data, bool host);
int x86_msr_init(struct x86_vcpu *v);
void x86_msr_destroy(struct x86_vcpu *v);
long x86_ioctl_get_msrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_msrs(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_get_feature_msrs(void *data, unsigned long uarg);
long x86_ioctl_msr_index_list(void *data, unsigned long uarg);
long x86_ioctl_feature_msr_index_list(void *data, unsigned long uarg);
long x86_ioctl_setup_mce(struct berth_vcpu *vcpu, void *data, unsigned long uarg);
long x86_ioctl_set_mce(struct berth_vcpu *vcpu, void *data, unsigned long uarg);

/* ---- msr_filter.c ---- */
#define X86_MSR_POLICY_FILTER	BIT(31)	/* there is a filter */

/* May the guest? */
bool x86_msr_allowed(struct berth_vm *vm, u32 index, bool write);
/* RDMSR and WRMSR where x86_vm::msr_policy is not 0. */
int x86_exit_msr_policy(struct x86_vcpu *v, unsigned int len, bool write);
void x86_msr_filter_destroy(struct x86_vm *vm);
int x86_enable_user_space_msr(struct berth_vm *vm, const struct kvm_enable_cap *args);
long x86_ioctl_set_msr_filter(struct berth_vm *vm, void *data, unsigned long uarg);

/* ---- tsc.c ---- */
/*
 * The processor's ratio of a guest's TSC to the host's: a fixed-point number of @width
 * bits, @fraction of them behind the point.  All 0 where it has none.  Set by the
 * vendor's setup.
 */
struct x86_tsc_scale {
	u8 width;
	u8 fraction;
};

extern struct x86_tsc_scale x86_tsc_scale;

/* The guest's TSC now; when the host's is @tsc; and setting it. */
u64 x86_guest_tsc(struct x86_vcpu *v);
u64 x86_guest_tsc_at(const struct x86_vcpu *v, u64 tsc);
void x86_set_guest_tsc(struct x86_vcpu *v, u64 value);
void x86_set_tsc_offset(struct x86_vcpu *v, u64 offset);
/* Does it run at another rate than the host's? */
bool x86_tsc_scaled(const struct x86_vcpu *v);
void x86_tsc_init(struct x86_vcpu *v);

/* ---- walk.c: the guest's own page tables ---- */
#define X86_WALK_WRITE	BIT(0)
#define X86_WALK_USER	BIT(1)
#define X86_WALK_FETCH	BIT(2)
#define X86_WALK_PEEK	BIT(3)	/* no accessed/dirty updates, no permission checks */
/*
 * Linear to guest physical, in context @c.  0; 1 with a page fault's error code in *error;
 * -EFAULT when a table cannot be read.  Context: may sleep.
 */
int x86_walk(struct x86_vcpu *v, const struct x86_context *c, u64 linear, u32 access,
	     gpa_t *gpa, u32 *error);

/* ---- tables in ioctls.c ---- */
extern const struct berth_ioctl x86_ioctls[];
extern const unsigned int x86_nr_ioctls;
extern const struct berth_cap x86_caps[];
extern const unsigned int x86_nr_caps;

#endif
