//! One binary, many roles: `serve`, `work`, `demo`, `init`, `migrate`, and the client commands, which speak HTTP only.
//! Must not know: SQL, rules, or anybody's JSON but our own.

mod client;
mod demo;
mod roles;
mod settings;

use clap::{CommandFactory as _, Parser, Subcommand};
use std::process::ExitCode;

/// Plan, prove and undo bulk customer assignments of SIM devices.
#[derive(Debug, Parser)]
#[command(name = "ascribe", version, about, arg_required_else_help = true)]
struct Arguments {
    /// Which of the profiles in the configuration folder's ascribe/profiles.toml (also ASCRIBE_PROFILE)
    #[arg(long, global = true, env = "ASCRIBE_PROFILE")]
    profile: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API (and work too, with --work)
    Serve(roles::serve::Arguments),
    /// Carry out what was applied
    Work,
    /// Run the main job on an example fleet, end to end, and print what happened
    Demo(demo::Arguments),
    /// Read the accounts at Rev.io into the mirror, now
    Sync(roles::sync::Arguments),
    /// Serve the outside systems over HTTP, with state and faults, for trying out
    Simulate(roles::simulate::Arguments),
    /// Make a tenant, an administrator and an API key
    Init(roles::init::Arguments),
    /// Make or update the database's roles and schema
    Migrate,
    /// Make and look at plans; nothing is changed by them
    #[command(subcommand)]
    Plan(client::plan::Command),
    /// Apply a plan
    Apply(client::change::Apply),
    /// Bulk changes: what was applied, and how far it is
    #[command(subcommand)]
    Change(client::change::Command),
    /// Devices
    #[command(subcommand)]
    Device(client::device::Command),
    /// Customers
    #[command(subcommand)]
    Customer(client::reference::Customer),
    /// Sites: customers' seats
    #[command(subcommand)]
    Site(client::reference::Site),
    /// Groups of sites, to confine API keys to
    #[command(subcommand)]
    SiteGroup(client::site_group::Command),
    /// Customer rate plans
    #[command(subcommand)]
    RatePlan(client::reference::RatePlan),
    /// Customer rate pools
    #[command(subcommand)]
    Pool(client::reference::Pool),
    /// Service providers
    #[command(subcommand)]
    ServiceProvider(client::reference::ServiceProvider),
    /// Accounts at Rev.io
    #[command(subcommand)]
    RevAccount(client::rev_account::Command),
    /// Agent partners, and the devices that are given to them
    #[command(subcommand)]
    Agent(client::agent::Command),
    /// Addresses that are told what became of plans and changes
    #[command(subcommand)]
    Webhook(client::webhook::Command),
    /// The audit trail
    #[command(subcommand)]
    Audit(client::audit::Command),
    /// People: who signs in, and with which role
    #[command(subcommand)]
    Person(client::person::Command),
    /// API keys
    #[command(subcommand)]
    Key(client::key::Command),
    /// Who this key is, and what it may do
    Whoami {
        #[command(flatten)]
        output: client::output::Output,
    },
    /// Look at everything that has to be right, and say how to mend what is not
    Doctor {
        #[command(flatten)]
        output: client::output::Output,
    },
    /// Print the completions of a shell
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    // Every TLS connection uses ring; installing fails only if something did it before us.
    drop(rustls::crypto::ring::default_provider().install_default());
    let arguments = Arguments::parse();
    let settings =
        match settings::Settings::load().and_then(|settings| settings.with_profile(arguments.profile.as_deref())) {
            Ok(settings) => settings,
            Err(error) => {
                eprintln!("ascribe: the settings could not be read: {error:#}");
                return ExitCode::from(2);
            }
        };
    let is_role = matches!(
        arguments.command,
        Command::Serve(_) | Command::Work | Command::Simulate(_) | Command::Migrate | Command::Init(_)
    );
    settings.start_log(if is_role { "info" } else { "warn" });
    let ended = match arguments.command {
        Command::Serve(arguments) => roles::serve::run(&settings, &arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Work => roles::work::run(&settings).await.map(|()| ExitCode::SUCCESS),
        Command::Demo(arguments) => demo::run(&settings, &arguments).await,
        Command::Sync(arguments) => roles::sync::run(&settings, &arguments).await,
        Command::Simulate(arguments) => roles::simulate::run(&arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Init(arguments) => roles::init::run(&settings, &arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Migrate => roles::migrate(&settings).await.map(|()| ExitCode::SUCCESS),
        Command::Plan(command) => client::plan::run(&settings, command).await,
        Command::Apply(apply) => client::change::apply(&settings, apply).await,
        Command::Change(command) => client::change::run(&settings, command).await,
        Command::Device(command) => client::device::run(&settings, command).await,
        Command::Customer(command) => client::reference::customers(&settings, command).await,
        Command::Site(command) => client::reference::sites(&settings, command).await,
        Command::SiteGroup(command) => client::site_group::run(&settings, command).await,
        Command::RatePlan(command) => client::reference::rate_plans(&settings, command).await,
        Command::Pool(command) => client::reference::pools(&settings, command).await,
        Command::ServiceProvider(command) => client::reference::service_providers(&settings, command).await,
        Command::RevAccount(command) => client::rev_account::run(&settings, command).await,
        Command::Agent(command) => client::agent::run(&settings, command).await,
        Command::Webhook(command) => client::webhook::run(&settings, command).await,
        Command::Audit(command) => client::audit::run(&settings, command).await,
        Command::Person(command) => client::person::run(&settings, command).await,
        Command::Key(command) => client::key::run(&settings, command).await,
        Command::Whoami { output } => client::key::whoami(&settings, output).await,
        Command::Doctor { output } => roles::doctor::run(&settings, output).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "ascribe", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    };
    ended.unwrap_or_else(|error| {
        eprintln!("ascribe: {error:#}");
        client::exit_code(&error)
    })
}
