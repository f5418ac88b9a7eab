"""The driver's own calls, by ctypes: what a card can do is measured without anything installed beside the driver."""

import ctypes

NAMES = ("libcuda.so", "libcuda.so.1")
PROCESSORS = 16
PORTABLE = 1


class DriverError(Exception):
    """A call that the driver refused."""


class Card:
    """The first card of this machine, with its primary context."""

    def __init__(self):
        self.driver = loaded()
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxSetCurrent", context)
        count = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(count), PROCESSORS, device)
        self.processors = count.value

    def call(self, name, *arguments):
        code = getattr(self.driver, name)(*arguments)
        if code:
            raise DriverError(f"{name}: error {code}")

    def wait(self):
        self.call("cuCtxSynchronize")

    def free_bytes(self):
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def memory(self, size):
        """Memory of the card, each byte 1."""
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        self.call("cuMemsetD8_v2", address, ctypes.c_ubyte(1), ctypes.c_size_t(size))
        return address

    def give_back(self, address):
        self.call("cuMemFree_v2", address)

    def pinned(self, size):
        """Memory of the host that copies go to and from directly."""
        address = ctypes.c_void_p()
        self.call("cuMemHostAlloc", ctypes.byref(address), ctypes.c_size_t(size), PORTABLE)
        ctypes.memset(address, 1, size)
        return address

    def copy(self, to, source, size):
        self.call("cuMemcpyDtoD_v2", to, source, ctypes.c_size_t(size))

    def up(self, to, source, size):
        self.call("cuMemcpyHtoDAsync_v2", to, source, ctypes.c_size_t(size), None)

    def down(self, to, source, size):
        self.call("cuMemcpyDtoHAsync_v2", to, source, ctypes.c_size_t(size), None)

    def kernel(self, text, name):
        """A kernel of PTX text."""
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), text.encode() + b"\0")
        self.call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
        return function

    def launch(self, function, blocks, threads, *arguments):
        pointers = (ctypes.c_void_p * len(arguments))(*(ctypes.addressof(argument) for argument in arguments))
        self.call("cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, 0, None, pointers, None)


def loaded():
    """The driver's library, started."""
    said = []
    for name in NAMES:
        try:
            driver = ctypes.CDLL(name)
        except OSError as error:
            said.append(str(error))
            continue
        if not (code := driver.cuInit(0)):
            return driver
        said.append(f"{name}: cuInit: error {code}")
    raise DriverError("; ".join(said))
