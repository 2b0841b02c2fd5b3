// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_STATS_FD: the counters of a VM or vCPU as a file, laid out as header, id
 * string, descriptors, data.  What is counted is listed in <berth/stats.h>.
 */
#include <berth/vcpu.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

/* Exponent and base of each unit: times are in nanoseconds. */
#define EXPONENT_NONE		0
#define EXPONENT_BYTES		0
#define EXPONENT_SECONDS	(-9)
#define EXPONENT_CYCLES		0
#define EXPONENT_BOOLEAN	0
#define BASE_NONE		KVM_STATS_BASE_POW10
#define BASE_BYTES		KVM_STATS_BASE_POW2
#define BASE_SECONDS		KVM_STATS_BASE_POW10
#define BASE_CYCLES		KVM_STATS_BASE_POW10
#define BASE_BOOLEAN		KVM_STATS_BASE_POW10

/* struct kvm_stats_desc with its name, whose size the ABI leaves to the header. */
struct descriptor {
	u32 flags;
	s16 exponent;
	u16 size;
	u32 offset;
	u32 bucket_size;
	char name[KVM_STATS_NAME_SIZE];
};

static_assert(offsetof(struct descriptor, exponent) == offsetof(struct kvm_stats_desc, exponent));
static_assert(offsetof(struct descriptor, size) == offsetof(struct kvm_stats_desc, size));
static_assert(offsetof(struct descriptor, offset) == offsetof(struct kvm_stats_desc, offset));
static_assert(offsetof(struct descriptor, bucket_size) ==
	      offsetof(struct kvm_stats_desc, bucket_size));
static_assert(offsetof(struct descriptor, name) == offsetof(struct kvm_stats_desc, name));

#define DESCRIPTOR(type_, unit_, name_, offset_) {					\
	.flags = KVM_STATS_TYPE_##type_ | KVM_STATS_UNIT_##unit_ | BASE_##unit_,	\
	.exponent = EXPONENT_##unit_,							\
	.size = 1,									\
	.offset = offset_,								\
	.name = #name_,									\
},
#define VM_DESCRIPTOR(name, type, unit) \
	DESCRIPTOR(type, unit, name, offsetof(struct berth_vm_stats, name))
#define VCPU_DESCRIPTOR(name, type, unit) \
	DESCRIPTOR(type, unit, name, offsetof(struct berth_vcpu_stats, name))

static const struct descriptor vm_descriptors[] = { BERTH_VM_STATS(VM_DESCRIPTOR) };
static const struct descriptor vcpu_descriptors[] = { BERTH_VCPU_STATS(VCPU_DESCRIPTOR) };

#define HEADER(descriptors) {								\
	.name_size = KVM_STATS_NAME_SIZE,						\
	.num_desc = ARRAY_SIZE(descriptors),						\
	.id_offset = sizeof(struct kvm_stats_header),					\
	.desc_offset = sizeof(struct kvm_stats_header) + KVM_STATS_NAME_SIZE,		\
	.data_offset = sizeof(struct kvm_stats_header) + KVM_STATS_NAME_SIZE +		\
		       sizeof(descriptors),						\
}

static const struct kvm_stats_header vm_header = HEADER(vm_descriptors);
static const struct kvm_stats_header vcpu_header = HEADER(vcpu_descriptors);

static_assert(sizeof_field(struct berth_vm, stats_id) == KVM_STATS_NAME_SIZE);
static_assert(sizeof_field(struct berth_vcpu, stats_id) == KVM_STATS_NAME_SIZE);
static_assert(sizeof(struct berth_vm_stats) == ARRAY_SIZE(vm_descriptors) * sizeof(u64));
static_assert(sizeof(struct berth_vcpu_stats) == ARRAY_SIZE(vcpu_descriptors) * sizeof(u64));

/* One of the pieces the file consists of, in their order. */
struct piece {
	const void *base;
	size_t len;
};

/* Read what lies at *@pos of the @nr pieces.  Bytes copied, 0 past the end, -EFAULT. */
static ssize_t read_pieces(const struct piece *piece, unsigned int nr, char __user *buf,
			   size_t size, loff_t *pos)
{
	u64 skip = *pos;
	size_t done = 0;

	for (; nr && done < size; piece++, nr--) {
		size_t n;

		if (skip >= piece->len) {
			skip -= piece->len;
			continue;
		}
		n = min_t(size_t, piece->len - skip, size - done);
		if (copy_to_user(buf + done, piece->base + skip, n))
			return -EFAULT;
		done += n;
		skip = 0;
	}
	*pos += done;
	return done;
}

/* The counters as of now; each is whole, between them nothing is promised. */
static void copy_counters(u64 *to, const u64 *from, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(u64); i++)
		to[i] = READ_ONCE(from[i]);
}

static u64 gauge(const atomic_long_t *count)
{
	return max(atomic_long_read(count), 0L);
}

static ssize_t vm_stats_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct berth_vm *vm = file->private_data;
	struct berth_vm_stats now;
	const struct piece pieces[] = {
		{ &vm_header, sizeof(vm_header) },
		{ vm->stats_id, sizeof(vm->stats_id) },
		{ vm_descriptors, sizeof(vm_descriptors) },
		{ &now, sizeof(now) },
	};

	copy_counters((u64 *)&now, (const u64 *)&vm->stats, sizeof(now));
	now.s2_table_pages = gauge(&vm->s2.tables);
	now.s2_splits = gauge(&vm->s2.splits);
	/* By level: where host pages are not 4K the names speak of the same levels. */
	now.pages_4k = gauge(&vm->s2.pages[0]);
	now.pages_2m = gauge(&vm->s2.pages[1]);
	now.pages_1g = gauge(&vm->s2.pages[2]);
	return read_pieces(pieces, ARRAY_SIZE(pieces), buf, size, pos);
}

static ssize_t vcpu_stats_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct berth_vcpu *vcpu = file->private_data;
	struct berth_vcpu_stats now;
	const struct piece pieces[] = {
		{ &vcpu_header, sizeof(vcpu_header) },
		{ vcpu->stats_id, sizeof(vcpu->stats_id) },
		{ vcpu_descriptors, sizeof(vcpu_descriptors) },
		{ &now, sizeof(now) },
	};

	copy_counters((u64 *)&now, (const u64 *)&vcpu->stats, sizeof(now));
	return read_pieces(pieces, ARRAY_SIZE(pieces), buf, size, pos);
}

static int vm_stats_release(struct inode *inode, struct file *file)
{
	berth_vm_put(file->private_data);
	return 0;
}

static int vcpu_stats_release(struct inode *inode, struct file *file)
{
	struct berth_vcpu *vcpu = file->private_data;

	berth_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vm_stats_fops = {
	.owner = THIS_MODULE,
	.read = vm_stats_read,
	.release = vm_stats_release,
	.llseek = noop_llseek,
};

static const struct file_operations vcpu_stats_fops = {
	.owner = THIS_MODULE,
	.read = vcpu_stats_read,
	.release = vcpu_stats_release,
	.llseek = noop_llseek,
};

static int stats_fd(const char *name, const struct file_operations *fops, void *object,
		    struct berth_vm *vm)
{
	struct file *file;
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, object, O_RDONLY);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* Nobody sets this for an anonymous file. */
	file->f_mode |= FMODE_PREAD;
	berth_vm_get(vm);
	fd_install(fd, file);
	return fd;
}

int berth_vm_stats_fd(struct berth_vm *vm)
{
	return stats_fd("berth-vm-stats", &vm_stats_fops, vm, vm);
}

int berth_vcpu_stats_fd(struct berth_vcpu *vcpu)
{
	char name[32];

	snprintf(name, sizeof(name), "berth-vcpu-stats:%u", vcpu->id);
	return stats_fd(name, &vcpu_stats_fops, vcpu, vcpu->vm);
}
