"""The one part of the build that pyproject.toml cannot say: the extension, and its stable ABI."""

from setuptools import setup

setup(
    cffi_modules=["native/build_native.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
