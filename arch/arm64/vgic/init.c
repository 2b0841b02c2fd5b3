// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a virtual GIC: created, told where its registers are, initialized when all
 * vCPUs are there, and seen by the guest once the first of them runs.
 */
#include "loop.h"
#include "internal.h"
#include <linux/slab.h>

/* ---- vCPUs ---- */

/* What a GIC of that version can have. */
static unsigned int model_vcpus(u32 model)
{
	return model == KVM_DEV_TYPE_ARM_VGIC_V2 ? VGIC_V2_MAX_VCPUS : ARM_MAX_VCPUS;
}

int vgic_max_vcpus(struct berth_vm *vm)
{
	u32 model = vm ? vgic_model(&to_arm_vm(vm)->vgic) : 0;

	return model_vcpus(model ?: vgic_host.model);
}

int vgic_vcpu_check(struct arm_vm *vm, unsigned int id)
{
	if (vgic_initialized(&vm->vgic))
		return -EBUSY;
	return id < vgic_max_vcpus(&vm->vm) ? 0 : -EINVAL;
}

/* The CPU interface as it comes out of reset: nothing enabled, no traps of its registers. */
static void reset_interface(struct vgic_cpu *cpu)
{
	struct arm_gic_cpu *regs = cpu->regs;
	struct vgic_vmcr vmcr = {};

	memset(regs->ap0r, 0, sizeof(regs->ap0r));
	memset(regs->ap1r, 0, sizeof(regs->ap1r));
	regs->nr_apr = vgic_host.nr_apr;
	vgic_set_vmcr(cpu, &vmcr);
}

/* Without a virtual GIC its system registers are not there: all of them trap (12.4.3). */
static void set_traps(struct vgic_cpu *cpu)
{
	if (!vgic_host.model)
		cpu->regs->hcr = 0;
	else if (vgic_model(vgic_of(cpu)) || static_key_enabled(&vgic_host_is_v2))
		cpu->regs->hcr = ICH_HCR_EN;
	else
		cpu->regs->hcr = ICH_HCR_TC | ICH_HCR_TALL0 | ICH_HCR_TALL1;
}

static bool region_full(const struct vgic_region *region)
{
	return region->count && region->used == region->count;
}

/* In the first region that has room; later, when there is none. */
static void place_redist(struct vgic_vm *vgic, struct vgic_cpu *cpu)
{
	struct vgic_region *region;

	if (cpu->region)
		return;
	list_for_each_entry(region, &vgic->regions, link) {
		if (region_full(region))
			continue;
		cpu->rd_index = region->used++;
		cpu->region = region;
		return;
	}
}

int vgic_vcpu_init(struct arm_vcpu *v)
{
	struct vgic_vm *vgic = &arm_vm_of(v)->vgic;
	struct vgic_cpu *cpu = &v->vgic;
	u32 i;

	raw_spin_lock_init(&cpu->lock);
	INIT_LIST_HEAD(&cpu->queue);
	for (i = 0; i < VGIC_PRIVATE_IRQS; i++)
		vgic_irq_init(&cpu->priv[i], i, cpu);
	cpu->regs = &v->ctxt.gic;
	if (static_key_enabled(&vgic_host_is_v2)) {
		cpu->regs = kzalloc(sizeof(*cpu->regs), GFP_KERNEL_ACCOUNT);
		if (!cpu->regs)
			return -ENOMEM;
	}
	reset_interface(cpu);
	set_traps(cpu);
	mutex_lock(&vgic->lock);
	place_redist(vgic, cpu);
	mutex_unlock(&vgic->lock);
	return 0;
}

/* The VM has gone, or the vCPU has never been seen: then it was placed last. */
void vgic_vcpu_destroy(struct arm_vcpu *v)
{
	struct vgic_cpu *cpu = &v->vgic;
	struct vgic_irq *irq, *next;

	list_for_each_entry_safe(irq, next, &cpu->queue, link) {
		list_del_init(&irq->link);
		vgic_lpi_put(irq);
	}
	if (cpu->region)
		cpu->region->used--;
	if (cpu->regs != &v->ctxt.gic)
		kfree(cpu->regs);
}

void vgic_vcpu_reset(struct arm_vcpu *v)
{
	preempt_disable();
	reset_interface(&v->vgic);
	if (v->vgic.loaded)
		vgic_reload(v);
	preempt_enable();
}

/* ---- creation and initialization ---- */

int vgic_vm_init(struct arm_vm *vm)
{
	struct vgic_vm *vgic = &vm->vgic;

	mutex_init(&vgic->lock);
	mutex_init(&vgic->lpi_lock);
	xa_init(&vgic->lpis);
	INIT_LIST_HEAD(&vgic->regions);
	INIT_LIST_HEAD(&vgic->itss);
	vgic->dist_base = BERTH_INVALID_GPA;
	vgic->cpu_base = BERTH_INVALID_GPA;
	vgic->revision = VGIC_REVISION;
	return 0;
}

/* After the vCPUs: their queues are empty. */
void vgic_vm_destroy(struct arm_vm *vm)
{
	struct vgic_region *region, *next;

	vgic_lpi_destroy(&vm->vgic);
	list_for_each_entry_safe(region, next, &vm->vgic.regions, link)
		kfree(region);
	kvfree(vm->vgic.spis);
}

static bool has_run(struct arm_vm *vm)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, &vm->vm)
		if (to_arm(vcpu)->has_run)
			return true;
	return false;
}

/* All vCPUs' mutexes, or none.  vm->lock held: there come no more. */
static int lock_vcpus(struct arm_vm *vm)
{
	struct berth_vcpu *vcpu, *done;
	unsigned int i, j;

	berth_for_each_vcpu(i, vcpu, &vm->vm) {
		if (mutex_trylock(&vcpu->mutex))
			continue;
		for (j = 0; j < i; j++) {
			done = xa_load(&vm->vm.vcpus, j);
			mutex_unlock(&done->mutex);
		}
		return -EBUSY;
	}
	return 0;
}

static void unlock_vcpus(struct arm_vm *vm)
{
	struct berth_vcpu *vcpu;
	unsigned int i;

	berth_for_each_vcpu(i, vcpu, &vm->vm)
		mutex_unlock(&vcpu->mutex);
}

int vgic_pause(struct arm_vm *vm)
{
	int r;

	mutex_lock(&vm->vm.lock);
	r = lock_vcpus(vm);
	if (r)
		mutex_unlock(&vm->vm.lock);
	else
		mutex_lock(&vm->vgic.lock);
	return r;
}

void vgic_resume(struct arm_vm *vm)
{
	mutex_unlock(&vm->vgic.lock);
	unlock_vcpus(vm);
	mutex_unlock(&vm->vm.lock);
}

int vgic_create(struct arm_vm *vm, u32 model)
{
	struct vgic_vm *vgic = &vm->vgic;
	struct berth_vcpu *vcpu;
	unsigned int i;
	int r;

	lockdep_assert_held(&vm->vm.lock);
	r = lock_vcpus(vm);
	if (r)
		return r;
	mutex_lock(&vgic->lock);
	if (vgic_model(vgic))
		r = -EEXIST;
	else if (has_run(vm))
		r = -EBUSY;
	else if (atomic_read(&vm->vm.online_vcpus) > model_vcpus(model))
		r = -E2BIG;
	if (!r) {
		/* Pairs with vgic_model(). */
		smp_store_release(&vgic->model, model);
		berth_for_each_vcpu(i, vcpu, &vm->vm)
			set_traps(&to_arm(vcpu)->vgic);
	}
	mutex_unlock(&vgic->lock);
	unlock_vcpus(vm);
	return r;
}

/* At the reset state of its version (IHI 0069, 12.9.20; IHI 0048, 4.3.4, 4.3.12). */
static void init_irq(struct vgic_vm *vgic, struct vgic_irq *irq)
{
	bool v3 = vgic_is_v3(vgic);

	irq->group1 = v3;
	irq->by_source = !v3 && vgic_is_sgi(irq->intid);
}

static int init_spis(struct arm_vm *vm)
{
	struct vgic_vm *vgic = &vm->vgic;
	struct berth_vcpu *first = xa_load(&vm->vm.vcpus, 0);
	struct vgic_irq *spis;
	u32 i;

	spis = kvcalloc(vgic->nr_spis, sizeof(*spis), GFP_KERNEL_ACCOUNT);
	if (!spis)
		return -ENOMEM;
	for (i = 0; i < vgic->nr_spis; i++) {
		vgic_irq_init(&spis[i], i + VGIC_PRIVATE_IRQS, &to_arm(first)->vgic);
		init_irq(vgic, &spis[i]);
		/* A GICv3's affinity is 0 at first; a GICv2 that is told nothing takes CPU 0. */
		if (vgic_is_v3(vgic))
			spis[i].target = vgic_cpu_at(vgic, 0);
	}
	vgic->spis = spis;
	return 0;
}

/* GSI n is SPI n + 32. */
static int set_default_routes(struct arm_vm *vm)
{
	unsigned int i, nr = vm->vgic.nr_spis;
	struct kvm_irq_routing_entry *routes;
	int r;

	routes = kcalloc(nr, sizeof(*routes), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		routes[i].gsi = i;
		routes[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		routes[i].u.irqchip.pin = i;
	}
	r = berth_irq_set_routes(&vm->vm, routes, nr);
	kfree(routes);
	return r;
}

int vgic_init(struct arm_vm *vm)
{
	struct vgic_vm *vgic = &vm->vgic;
	struct berth_vcpu *vcpu;
	unsigned int i, j;
	int r;

	lockdep_assert_held(&vgic->lock);
	if (vgic_initialized(vgic))
		return 0;
	/* One is being made. */
	if (vm->vm.created_vcpus != atomic_read(&vm->vm.online_vcpus))
		return -EBUSY;
	if (!vm->vm.created_vcpus)
		return -ENODEV;
	if (!vgic->nr_spis)
		vgic->nr_spis = VGIC_DEFAULT_IRQS - VGIC_PRIVATE_IRQS;
	if (!vgic->spis) {
		r = init_spis(vm);
		if (r)
			return r;
	}
	berth_for_each_vcpu(i, vcpu, &vm->vm)
		for (j = 0; j < VGIC_PRIVATE_IRQS; j++)
			init_irq(vgic, &to_arm(vcpu)->vgic.priv[j]);
	r = set_default_routes(vm);
	if (r)
		return r;
	/* Pairs with vgic_initialized(). */
	smp_store_release(&vgic->initialized, true);
	return 0;
}

int vgic_lazy_init(struct arm_vm *vm)
{
	struct vgic_vm *vgic = &vm->vgic;
	int r;

	if (likely(vgic_initialized(vgic)))
		return 0;
	if (vgic_is_v3(vgic))
		return -EBUSY;
	mutex_lock(&vgic->lock);
	r = vgic_init(vm);
	mutex_unlock(&vgic->lock);
	return r;
}

/* ---- where the registers are ---- */

int vgic_check_range(struct arm_vm *vm, gpa_t old, gpa_t addr, u64 align, u64 size)
{
	u64 end = 1ULL << vm->ipa_bits;

	if (old != BERTH_INVALID_GPA)
		return -EEXIST;
	if (!IS_ALIGNED(addr, align) || !IS_ALIGNED(size, align) || addr + size < addr)
		return -EINVAL;
	return addr >= end || size > end - addr ? -E2BIG : 0;
}

static bool overlap(gpa_t a, u64 a_size, gpa_t b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

static u64 region_size(struct arm_vm *vm, const struct vgic_region *region)
{
	u32 count = region->count ?: atomic_read(&vm->vm.online_vcpus);

	return (u64)count * KVM_VGIC_V3_REDIST_SIZE;
}

struct vgic_region *vgic_region_find(struct vgic_vm *vgic, u32 index)
{
	struct vgic_region *region;

	list_for_each_entry(region, &vgic->regions, link)
		if (region->index == index)
			return region;
	return NULL;
}

/* Overlaps, also with the distributor, that could not be seen when it was set. */
static int check_layout(struct arm_vm *vm)
{
	struct vgic_vm *vgic = &vm->vgic;
	struct vgic_region *region;
	u64 size;

	list_for_each_entry(region, &vgic->regions, link) {
		size = region_size(vm, region);
		if (vgic_check_range(vm, BERTH_INVALID_GPA, region->base, SZ_64K, size))
			return -EINVAL;
		if (vgic->dist_base != BERTH_INVALID_GPA &&
		    overlap(vgic->dist_base, KVM_VGIC_V3_DIST_SIZE, region->base, size))
			return -EINVAL;
	}
	return 0;
}

static int check_region(struct arm_vm *vm, const struct vgic_region *new)
{
	struct vgic_vm *vgic = &vm->vgic;
	u64 size = region_size(vm, new);
	struct vgic_region *region, *last;

	if (new->base + size < new->base)
		return -EINVAL;
	if (list_empty(&vgic->regions)) {
		if (new->index)
			return -EINVAL;
	} else {
		last = list_last_entry(&vgic->regions, struct vgic_region, link);
		/* One kind or the other. */
		if (!new->count)
			return last->count ? -EINVAL : -EEXIST;
		if (!last->count || new->index != last->index + 1)
			return -EINVAL;
	}
	list_for_each_entry(region, &vgic->regions, link)
		if (overlap(new->base, size, region->base, region_size(vm, region)))
			return -EINVAL;
	return vgic_check_range(vm, BERTH_INVALID_GPA, new->base, SZ_64K, size);
}

int vgic_region_add(struct arm_vm *vm, u32 index, gpa_t base, u32 count)
{
	struct vgic_vm *vgic = &vm->vgic;
	struct berth_vcpu *vcpu;
	struct vgic_region *region;
	unsigned int i;
	int r;

	lockdep_assert_held(&vgic->lock);
	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return -ENOMEM;
	region->base = base;
	region->index = index;
	region->count = count;
	r = check_region(vm, region);
	if (!r && vgic->dist_base != BERTH_INVALID_GPA &&
	    overlap(vgic->dist_base, KVM_VGIC_V3_DIST_SIZE, base, region_size(vm, region)))
		r = -EINVAL;
	if (r) {
		kfree(region);
		return r;
	}
	/* Readers of the list have no lock; nothing is ever taken from it. */
	list_add_tail_rcu(&region->link, &vgic->regions);
	berth_for_each_vcpu(i, vcpu, &vm->vm)
		place_redist(vgic, &to_arm(vcpu)->vgic);
	return 0;
}

/*
 * The last of a row, behind which none follows in another region (GICR_TYPER.Last, 12.11.35).
 */
bool vgic_is_last_redist(struct vgic_cpu *cpu)
{
	struct vgic_region *region = cpu->region, *next;
	gpa_t end;

	if (!region || cpu->rd_index + 1 < region->used)
		return false;
	if (!region_full(region))
		return true;
	end = region->base + (u64)region->count * KVM_VGIC_V3_REDIST_SIZE;
	list_for_each_entry(next, &vgic_of(cpu)->regions, link)
		if (next->base == end && next->used)
			return false;
	return true;
}

/* ---- the first run ---- */

static int map_redists(struct arm_vm *vm)
{
	struct berth_vcpu *vcpu;
	struct vgic_cpu *cpu;
	unsigned int i;
	int r;

	berth_for_each_vcpu(i, vcpu, &vm->vm) {
		cpu = &to_arm(vcpu)->vgic;
		cpu->rd = (struct berth_io_device) {
			&vgic_v3_redist_ops,
			cpu->region->base + (u64)cpu->rd_index * KVM_VGIC_V3_REDIST_SIZE,
			KVM_VGIC_V3_REDIST_SIZE,
		};
		r = berth_bus_add(&vm->vm, BERTH_MMIO_BUS, &cpu->rd);
		if (r)
			return r;
	}
	return 0;
}

static int prepare_v3(struct arm_vm *vm)
{
	struct vgic_vm *vgic = &vm->vgic;
	struct berth_vcpu *vcpu;
	unsigned int i;
	int r;

	berth_for_each_vcpu(i, vcpu, &vm->vm)
		if (!to_arm(vcpu)->vgic.region)
			return -ENXIO;
	if (vgic->dist_base == BERTH_INVALID_GPA)
		return -ENXIO;
	r = check_layout(vm);
	if (r)
		return r;
	if (!vgic_initialized(vgic))
		return -EBUSY;
	vgic->dist = (struct berth_io_device) {
		&vgic_v3_dist_ops, vgic->dist_base, KVM_VGIC_V3_DIST_SIZE,
	};
	return map_redists(vm);
}

/* The guest's CPU interface is the hardware's, as device memory. */
static int map_gicv(struct arm_vcpu *v, gpa_t base)
{
	struct berth_s2 *s2 = &v->core.vm->s2;
	bool flush = false;
	u64 offset;
	int r = 0;

	for (offset = 0; !r && offset < KVM_VGIC_V2_CPU_SIZE; offset += PAGE_SIZE) {
		r = s2_cache_fill(s2, &v->core.s2_cache);
		if (r)
			break;
		read_lock(&s2->lock);
		r = s2_map(s2, &v->core.s2_cache, gpa_to_gfn(base + offset), 0,
			   vgic_host.gicv + offset, S2_R | S2_W | S2_ACCESSED | S2_DEVICE, false,
			   &flush);
		read_unlock(&s2->lock);
	}
	/* A page of a slot's is there, which is user space's mistake. */
	return r == -EAGAIN ? -EEXIST : r;
}

static int prepare_v2(struct arm_vcpu *v)
{
	struct arm_vm *vm = arm_vm_of(v);
	struct vgic_vm *vgic = &vm->vgic;
	int r;

	if (vgic->dist_base == BERTH_INVALID_GPA || vgic->cpu_base == BERTH_INVALID_GPA)
		return -ENXIO;
	if (overlap(vgic->dist_base, KVM_VGIC_V2_DIST_SIZE, vgic->cpu_base, KVM_VGIC_V2_CPU_SIZE))
		return -EINVAL;
	r = vgic_init(vm);
	if (r)
		return r;
	vgic->dist = (struct berth_io_device) {
		&vgic_v2_dist_ops, vgic->dist_base, KVM_VGIC_V2_DIST_SIZE,
	};
	return map_gicv(v, vgic->cpu_base);
}

int vgic_first_run(struct arm_vcpu *v)
{
	struct arm_vm *vm = arm_vm_of(v);
	struct vgic_vm *vgic = &vm->vgic;
	int r = 0;

	/* Pairs with the release below. */
	if (likely(smp_load_acquire(&vgic->ready)) || !vgic_model(vgic))
		return 0;
	mutex_lock(&vgic->lock);
	mutex_lock(&vm->vm.slots_lock);
	if (vgic->ready)
		goto unlock;
	r = vgic_is_v3(vgic) ? prepare_v3(vm) : prepare_v2(v);
	if (!r)
		r = berth_bus_add(&vm->vm, BERTH_MMIO_BUS, &vgic->dist);
	if (!r)
		smp_store_release(&vgic->ready, true);
unlock:
	mutex_unlock(&vm->vm.slots_lock);
	mutex_unlock(&vgic->lock);
	/* Half of it may be there. */
	if (r)
		berth_vm_kill(&vm->vm);
	return r;
}
