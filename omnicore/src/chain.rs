//! The embedded chain's border: Python's bytes and integers in, [`omnilytics_evm::Chain`] run without the interpreter's
//! lock, bytes and integers out. Addresses are 20 bytes, words 32; refusals are `omnilytics.errors.ChainError`.

use std::sync::{Mutex, PoisonError};

use omnilytics_evm as evm;
use omnilytics_evm::{Address, B256, BaseFee, Bytes, Chain, Config, EvmError, Log, Receipt, Request, U256};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyInt, PyTuple},
};

pyo3::import_exception!(omnilytics.errors, ChainError);
pyo3::import_exception!(omnilytics.errors, InputError);

const NO_WEI: Wei = Wei(U256::ZERO);

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<EmbeddedEvm>()?;
    m.add_class::<EvmReceipt>()?;
    m.add_function(wrap_pyfunction!(signature_hash, m)?)
}

/// Keccak-256 of a function's or event's signature, 32 bytes; selectors and topics come from it.
#[pyfunction]
pub(crate) fn signature_hash<'py>(py: Python<'py>, signature: &str) -> Bound<'py, PyBytes> {
    PyBytes::new(py, evm::keccak256(signature).as_slice())
}

fn refused(error: EvmError) -> PyErr {
    ChainError::new_err(error.to_string())
}

fn address(bytes: &[u8]) -> PyResult<Address> {
    Address::try_from(bytes)
        .map_err(|_| InputError::new_err(format!("address: expected 20 bytes, got {}", bytes.len())))
}

fn word(bytes: &[u8]) -> PyResult<B256> {
    B256::try_from(bytes).map_err(|_| InputError::new_err(format!("word: expected 32 bytes, got {}", bytes.len())))
}

/// A Python int as U256 and back; the stable ABI has no faster road above 128 bits than the integer's bytes.
struct Wei(U256);

impl<'py> FromPyObject<'_, 'py> for Wei {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let integer = object.cast::<PyInt>()?.to_owned();
        if let Ok(small) = integer.extract::<u64>() {
            return Ok(Self(U256::from(small)));
        }
        let bytes = integer
            .call_method1("to_bytes", (32, "big"))
            .map_err(|_| InputError::new_err(format!("expected an integer in 0..2^256, got {integer}")))?;
        Ok(Self(U256::from_be_slice(bytes.cast::<PyBytes>()?.as_bytes())))
    }
}

impl<'py> IntoPyObject<'py> for Wei {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(small) = u64::try_from(self.0) {
            return Ok(small.into_pyobject(py)?.into_any());
        }
        let bytes = PyBytes::new(py, &self.0.to_be_bytes::<32>());
        py.get_type::<PyInt>().call_method1("from_bytes", (bytes, "big"))
    }
}

type PyLog<'py> = (Bound<'py, PyBytes>, Bound<'py, PyTuple>, Bound<'py, PyBytes>);

fn py_log<'py>(py: Python<'py>, log: &Log) -> PyResult<PyLog<'py>> {
    let topics = PyTuple::new(py, log.data.topics().iter().map(|topic| PyBytes::new(py, topic.as_slice())))?;
    Ok((PyBytes::new(py, log.address.as_slice()), topics, PyBytes::new(py, &log.data.data)))
}

/// A mined transaction and its outcome.
#[pyclass(frozen, module = "omnilytics._omnicore")]
pub(crate) struct EvmReceipt(Receipt);

#[pymethods]
impl EvmReceipt {
    #[getter]
    fn tx_hash(&self) -> &[u8] {
        self.0.hash.as_slice()
    }

    #[getter]
    fn block(&self) -> u64 {
        self.0.block
    }

    #[getter]
    fn timestamp(&self) -> u64 {
        self.0.timestamp
    }

    #[getter]
    fn sender(&self) -> &[u8] {
        self.0.from.as_slice()
    }

    #[getter]
    fn to(&self) -> Option<&[u8]> {
        self.0.to.as_ref().map(|account| account.as_slice())
    }

    #[getter]
    fn data(&self) -> &[u8] {
        &self.0.data
    }

    #[getter]
    fn value(&self) -> Wei {
        Wei(self.0.value)
    }

    #[getter]
    fn gas_limit(&self) -> u64 {
        self.0.gas_limit
    }

    #[getter]
    fn gas_used(&self) -> u64 {
        self.0.outcome.gas_used
    }

    #[getter]
    fn gas_price(&self) -> u128 {
        self.0.gas_price
    }

    #[getter]
    fn state_gas(&self) -> u64 {
        self.0.state_gas
    }

    #[getter]
    fn blob_gas(&self) -> u64 {
        self.0.blob_gas
    }

    #[getter]
    fn blob_gas_price(&self) -> u128 {
        self.0.blob_gas_price
    }

    #[getter]
    fn success(&self) -> bool {
        self.0.outcome.success
    }

    #[getter]
    fn output(&self) -> &[u8] {
        &self.0.outcome.output
    }

    #[getter]
    fn halt(&self) -> Option<&str> {
        self.0.outcome.halt.as_deref()
    }

    #[getter]
    fn contract_address(&self) -> Option<&[u8]> {
        self.0.contract_address.as_ref().map(|account| account.as_slice())
    }

    #[getter]
    fn logs<'py>(&self, py: Python<'py>) -> PyResult<Vec<PyLog<'py>>> {
        self.0.outcome.logs.iter().map(|log| py_log(py, log)).collect()
    }

    fn __repr__(&self) -> String {
        let (block, index) = (self.0.block, self.0.index);
        let outcome = if self.0.outcome.success { "success" } else { "failure" };
        format!("<EvmReceipt {block}/{index} {outcome}, {} gas>", self.0.outcome.gas_used)
    }
}

/// (success, output, gas used, halt reason)
type PyOutcome<'py> = (bool, Bound<'py, PyBytes>, u64, Option<String>);
/// (code, program counter, times, gas)
type PySpent<'py> = (Bound<'py, PyBytes>, usize, u64, u64);
/// (number, timestamp, base fee, hash)
type PyBlock<'py> = (u64, u64, u64, Bound<'py, PyBytes>);

fn py_block<'py>(py: Python<'py>, block: (u64, u64, u64, B256)) -> PyBlock<'py> {
    (block.0, block.1, block.2, PyBytes::new(py, block.3.as_slice()))
}

fn summary(block: &evm::Block) -> (u64, u64, u64, B256) {
    (block.number, block.timestamp, block.base_fee, block.hash)
}

/// An in-process chain; safe to share between threads.
#[pyclass(frozen, module = "omnilytics._omnicore")]
pub(crate) struct EmbeddedEvm(Mutex<Chain>);

impl EmbeddedEvm {
    /// Runs `work` on the chain while other Python threads go on; the lock is waited for without the interpreter.
    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut Chain) -> T + Send) -> T {
        py.detach(|| work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[pymethods]
impl EmbeddedEvm {
    #[new]
    #[pyo3(signature = (chain_id=31_337, fork="osaka", *, genesis_timestamp=1_767_225_600, block_secs=12, base_fee=0,
                        fee_market=false, block_gas_limit=60_000_000, automine=true))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn new(
        chain_id: u64,
        fork: &str,
        genesis_timestamp: u64,
        block_secs: u64,
        base_fee: u64,
        fee_market: bool,
        block_gas_limit: u64,
        automine: bool,
    ) -> PyResult<Self> {
        let config = Config {
            chain_id,
            fork: fork.parse().map_err(|error: EvmError| InputError::new_err(error.to_string()))?,
            block_gas_limit,
            base_fee: if fee_market { BaseFee::Market(base_fee) } else { BaseFee::Fixed(base_fee) },
            genesis_timestamp,
            block_secs,
            automine,
            coinbase: Address::ZERO,
        };
        let chain = Chain::new(config).map_err(|error| InputError::new_err(error.to_string()))?;
        Ok(Self(Mutex::new(chain)))
    }

    fn set_balance(&self, py: Python<'_>, account: &[u8], wei: Wei) -> PyResult<()> {
        let account = address(account)?;
        self.with(py, |chain| chain.set_balance(account, wei.0));
        Ok(())
    }

    fn balance(&self, py: Python<'_>, account: &[u8]) -> PyResult<Wei> {
        let account = address(account)?;
        Ok(Wei(self.with(py, |chain| chain.balance(account))))
    }

    fn nonce(&self, py: Python<'_>, account: &[u8]) -> PyResult<u64> {
        let account = address(account)?;
        Ok(self.with(py, |chain| chain.nonce(account)))
    }

    fn code<'py>(&self, py: Python<'py>, account: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let account = address(account)?;
        let code = self.with(py, |chain| chain.code(account));
        Ok(PyBytes::new(py, &code))
    }

    #[pyo3(signature = (sender, to, data, value=NO_WEI, *, gas=16_777_216, max_fee=None, tip=0, nonce=None,
                        blob_hashes=vec![], max_blob_fee=0))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn send(
        &self,
        py: Python<'_>,
        sender: &[u8],
        to: Option<&[u8]>,
        data: &[u8],
        value: Wei,
        gas: u64,
        max_fee: Option<u128>,
        tip: u128,
        nonce: Option<u64>,
        blob_hashes: Vec<Vec<u8>>,
        max_blob_fee: u128,
    ) -> PyResult<EvmReceipt> {
        let request = Request {
            from: address(sender)?,
            to: to.map(address).transpose()?,
            data: Bytes::copy_from_slice(data),
            value: value.0,
            nonce,
            gas,
            max_fee,
            tip,
            blob_hashes: blob_hashes.iter().map(|hash| word(hash)).collect::<PyResult<_>>()?,
            max_blob_fee,
        };
        self.with(py, |chain| chain.send(&request)).map(EvmReceipt).map_err(refused)
    }

    #[pyo3(signature = (sender, to, data, value=NO_WEI, *, gas=16_777_216, max_fee=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn send_profiled<'py>(
        &self,
        py: Python<'py>,
        sender: &[u8],
        to: Option<&[u8]>,
        data: &[u8],
        value: Wei,
        gas: u64,
        max_fee: Option<u128>,
    ) -> PyResult<(EvmReceipt, Vec<PySpent<'py>>)> {
        let request = Request {
            from: address(sender)?,
            to: to.map(address).transpose()?,
            data: Bytes::copy_from_slice(data),
            value: value.0,
            gas,
            max_fee,
            ..Request::default()
        };
        let (receipt, profile) = self.with(py, |chain| chain.send_profiled(&request)).map_err(refused)?;
        let spent = profile
            .spent()
            .map(|(code, counter, spent)| (PyBytes::new(py, code.as_slice()), counter, spent.count, spent.gas));
        Ok((EvmReceipt(receipt), spent.collect()))
    }

    fn send_raw(&self, py: Python<'_>, transaction: &[u8]) -> PyResult<EvmReceipt> {
        self.with(py, |chain| chain.send_raw(transaction)).map(EvmReceipt).map_err(refused)
    }

    #[pyo3(signature = (sender, to, data, value=NO_WEI, *, gas=60_000_000))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        sender: &[u8],
        to: &[u8],
        data: &[u8],
        value: Wei,
        gas: u64,
    ) -> PyResult<PyOutcome<'py>> {
        let request = Request {
            from: address(sender)?,
            to: Some(address(to)?),
            data: Bytes::copy_from_slice(data),
            value: value.0,
            gas,
            ..Request::default()
        };
        let outcome = self.with(py, |chain| chain.call(&request)).map_err(refused)?;
        Ok((outcome.success, PyBytes::new(py, &outcome.output), outcome.gas_used, outcome.halt))
    }

    #[pyo3(signature = (from_block=0))]
    fn receipts(&self, py: Python<'_>, from_block: u64) -> Vec<EvmReceipt> {
        let found: Vec<Receipt> = self.with(py, |chain| chain.receipts(from_block).cloned().collect());
        found.into_iter().map(EvmReceipt).collect()
    }

    #[pyo3(signature = (account, from_block=0))]
    fn logs<'py>(&self, py: Python<'py>, account: &[u8], from_block: u64) -> PyResult<Vec<(u64, PyLog<'py>)>> {
        let account = address(account)?;
        let found: Vec<(u64, Log)> =
            self.with(py, |chain| chain.logs(account, from_block).map(|(block, log)| (block, log.clone())).collect());
        found.iter().map(|(block, log)| Ok((*block, py_log(py, log)?))).collect()
    }

    fn head<'py>(&self, py: Python<'py>) -> PyBlock<'py> {
        py_block(py, self.with(py, |chain| summary(chain.head())))
    }

    fn block<'py>(&self, py: Python<'py>, number: u64) -> PyResult<PyBlock<'py>> {
        let (found, newest) = self.with(py, |chain| (chain.block(number).map(summary), chain.head().number));
        let block = found.ok_or_else(|| InputError::new_err(format!("block: expected 0..{newest}, got {number}")))?;
        Ok(py_block(py, block))
    }

    fn blob_base_fee(&self, py: Python<'_>) -> u128 {
        self.with(py, |chain| chain.blob_base_fee())
    }

    #[pyo3(signature = (count=1))]
    fn mine(&self, py: Python<'_>, count: u64) -> PyResult<()> {
        self.with(py, |chain| chain.mine(count)).map_err(refused)
    }

    fn set_next_timestamp(&self, py: Python<'_>, timestamp: u64) -> PyResult<()> {
        self.with(py, |chain| chain.set_next_timestamp(timestamp)).map_err(refused)
    }

    fn set_next_base_fee(&self, py: Python<'_>, wei: u64) -> PyResult<()> {
        self.with(py, |chain| chain.set_next_base_fee(wei)).map_err(refused)
    }

    fn wait_until(&self, py: Python<'_>, timestamp: u64) -> PyResult<()> {
        self.with(py, |chain| chain.wait_until(timestamp)).map_err(refused)
    }

    fn snapshot(&self, py: Python<'_>) -> u64 {
        self.with(py, Chain::snapshot)
    }

    fn revert(&self, py: Python<'_>, snapshot: u64) -> PyResult<()> {
        self.with(py, |chain| chain.revert(snapshot)).map_err(refused)
    }
}
