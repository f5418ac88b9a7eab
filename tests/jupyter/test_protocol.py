"""Jupyter's own test of a kernel, with every optional sample filled in."""

from jupyter_kernel_test import IopubWelcomeTests, KernelTests


class TestProtocol(KernelTests):
    kernel_name = "cleave"
    language_name = "cleave"
    file_extension = ".clv"

    code_hello_world = 'print("hello, world")'
    code_stderr = 'warn("hello, stderr")'
    completion_samples = [
        {"text": "default_r", "matches": ["default_rng"]},
        {"text": "expand_di", "matches": ["expand_dims"]},
        {"text": "%lsmag", "matches": ["%lsmagic"]},
        {"text": "no_such_prefix_", "matches": []},
    ]
    complete_code_samples = [
        "1",
        'print("hello, world")',
        "def f(x):\n    return x + 1\n",
        "for i in range(3):\n    print(i)\n\n",
        "x = [1,\n     2]",
        "%time 1 + 1",
    ]
    incomplete_code_samples = [
        "def f(x):",
        'print("hello, world"',
        "x = [1,",
        'text = """never closed',
        "for i in range(3):\n    print(i)",
        "1 + \\",
    ]
    invalid_code_samples = ["import = 7q", "1 +* 2", "x = )", "def 3f(): pass"]
    code_page_something = "ones?"
    code_generate_error = "1/0"
    code_execute_result = [
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": "[n * n for n in range(1, 4)]", "result": "[1, 4, 9]"},
        {"code": "arange(5).sum().compute()"},
        {"code": "ones((4, 4), chunks=2)", "mime": "text/html"},
    ]
    code_display_data = [
        {"code": "x = ones((4, 4), chunks=2)\ndisplay(x)", "mime": "text/html"},
        {"code": "display(ones((4, 4), chunks=2))", "mime": "text/plain"},
        {"code": "display(1)", "mime": "text/plain"},
    ]
    code_history_pattern = "1 + 2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "ones"
    code_clear_output = "clear_output()"


class TestWelcome(IopubWelcomeTests):
    kernel_name = "cleave"
    support_iopub_welcome = True


del KernelTests, IopubWelcomeTests
