//! One binary, many roles: `serve`, `work`, `demo`, `init`, `migrate`, and the client commands, which speak HTTP only.
//! Must not know: SQL, rules, or anybody's JSON but our own.

mod client;
mod demo;
mod roles;
mod settings;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Plan, prove and undo bulk customer assignments of SIM devices.
#[derive(Debug, Parser)]
#[command(name = "ascribe", version, about, arg_required_else_help = true)]
struct Arguments {
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
    /// Make a tenant and an API key
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
    Device(client::lists::Device),
    /// Customers
    #[command(subcommand)]
    Customer(client::lists::Customer),
    /// Service providers
    #[command(subcommand)]
    ServiceProvider(client::lists::ServiceProvider),
}

#[tokio::main]
async fn main() -> ExitCode {
    // Every TLS connection uses ring; installing fails only if something did it before us.
    drop(rustls::crypto::ring::default_provider().install_default());
    let arguments = Arguments::parse();
    let settings = match settings::Settings::load() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("ascribe: the settings could not be read: {error}");
            return ExitCode::from(2);
        }
    };
    let is_role = matches!(arguments.command, Command::Serve(_) | Command::Work | Command::Migrate | Command::Init(_));
    settings.start_log(if is_role { "info" } else { "warn" });
    let ended = match arguments.command {
        Command::Serve(arguments) => roles::serve::run(&settings, &arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Work => roles::work::run(&settings).await.map(|()| ExitCode::SUCCESS),
        Command::Demo(arguments) => demo::run(&settings, &arguments).await,
        Command::Init(arguments) => roles::init::run(&settings, &arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Migrate => roles::migrate(&settings).await.map(|()| ExitCode::SUCCESS),
        Command::Plan(command) => client::plan::run(&settings, command).await,
        Command::Apply(apply) => client::change::apply(&settings, apply).await,
        Command::Change(command) => client::change::run(&settings, command).await,
        Command::Device(command) => client::lists::devices(&settings, command).await,
        Command::Customer(command) => client::lists::customers(&settings, command).await,
        Command::ServiceProvider(command) => client::lists::service_providers(&settings, command).await,
    };
    ended.unwrap_or_else(|error| {
        eprintln!("ascribe: {error:#}");
        client::exit_code(&error)
    })
}
